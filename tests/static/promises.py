"""Every limit of protocol/limits.h is kept by code and named by a test, and so is every refusal.

A name in a test does not prove that the test is a good one; a name in none proves that there is no
test. With --planted it checks itself: made-up offenders must be found.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = re.compile(r"^(?:#define +([A-Z][A-Z_0-9]+) +UINT64_C|#define +([A-Z][A-Z_0-9]+) +\(|"
                   r" +([A-Z][A-Z_0-9]+) = )", re.M)
REFUSAL = re.compile(r"^ +X\(([a-z_]+), +\d+,", re.M)
WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")

# What no test reaches, and why.
NOT_TRIED = {
    "INTAKE_BYTES_MAX": "256 MiB of frames whose decoding would have to be held up",
    "UNREAD_TOTAL_MAX": "1 GiB of answers that nobody takes",
    "ANSWERS_ROUND_MS": "a share of time; test_engine.c: test_questions_wait has its effect",
}

# These compare the documents with the headers, word for word, and try nothing out.
NO_TESTS = {"tests/protocol/test_documented_words.c", "tests/static/promises.py"}


def words_of(files):
    """Every word of some files, REFUSAL_x counted as REFUSAL_x and as x."""
    words = set()
    for text in files.values():
        words.update(WORD.findall(text))
    return words | {w.removeprefix("REFUSAL_") for w in words if w.startswith("REFUSAL_")}


def faults_in(limits, refusals, code, tests):
    names = ["".join(groups) for groups in LIMIT.findall(limits)]
    reasons = [name for name in REFUSAL.findall(refusals) if name != "accepted"]
    faults = []
    if not names or not reasons:
        faults.append("the headers have no limits or no refusals that could be read")
    used = words_of({p: t for p, t in code.items() if p != "protocol/limits.h"})
    raised = words_of({p: t for p, t in code.items() if p.startswith("server/")})
    tried = words_of({p: t for p, t in tests.items() if p not in NO_TESTS})
    for name in names:
        if name not in used:
            faults.append(f"limit {name}: no code keeps it")
        if name not in tried and name not in NOT_TRIED:
            faults.append(f"limit {name}: no test names it")
    for name in reasons:
        if f"REFUSAL_{name}" not in raised:
            faults.append(f"refusal {name}: the server never gives it")
        if name not in tried:
            faults.append(f"refusal {name}: no test names it")
    return faults


def read(tops, suffixes):
    return {path.relative_to(ROOT).as_posix(): path.read_text()
            for top in tops for path in sorted((ROOT / top).rglob("*"))
            if path.is_file() and path.suffix in suffixes}


def check(code=None, tests=None):
    code = code or read(("protocol", "server", "client"), {".c", ".h"})
    tests = tests or read(("tests",), {".c", ".h", ".py", ".txt"})
    return faults_in((ROOT / "protocol/limits.h").read_text(),
                     (ROOT / "protocol/refusal.h").read_text(), code, tests)


def planted():
    limits = "enum {\n    SOME_MAX = 5, /* apples */\n};\n#define OTHER_MAX UINT64_C(7)\n"
    refusals = "    X(accepted, 0, false, \"accepted\") \\\n    X(too_red, 1, false, \"red\")\n"
    code = {"protocol/limits.h": limits, "protocol/refusal.h": refusals,
            "server/x.c": "if (n > SOME_MAX || m > OTHER_MAX) return REFUSAL_too_red;"}
    tests = {"tests/x.txt": "# SOME_MAX, OTHER_MAX\nalice: eat => refused too_red\n"}
    missed = [f"found where there is none: {f}" for f in faults_in(limits, refusals, code, tests)]
    for path, gone, told in (("server/x.c", "SOME_MAX", "SOME_MAX: no code"),
                             ("server/x.c", "OTHER_MAX", "OTHER_MAX: no code"),
                             ("server/x.c", "REFUSAL_too_red", "too_red: the server never"),
                             ("tests/x.txt", "OTHER_MAX", "OTHER_MAX: no test"),
                             ("tests/x.txt", "too_red", "too_red: no test")):
        new_code, new_tests = dict(code), dict(tests)
        for files in (new_code, new_tests):
            if path in files:
                files[path] = files[path].replace(gone, "")
        found = faults_in(limits, refusals, new_code, new_tests)
        if len(found) != 1 or told not in found[0]:
            missed.append(f"not found: {told} ({found})")
    if not faults_in("", "", code, tests):
        missed.append("not found: headers that cannot be read")
    return missed


if __name__ == "__main__":
    found = planted() if "--planted" in sys.argv else check()
    for line in found:
        print(line)
    sys.exit(1 if found else 0)
