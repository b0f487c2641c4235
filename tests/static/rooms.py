"""docs/architecture.md names every file of the rules and of the client, and none that is not there.

A name in backquotes in the second column of the tables under "The files of ..." stands for NAME.c,
NAME.h or both. With --planted it checks itself: made-up offenders must be found.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("server/exchange", "client", "client/cli")
# A folder's tables follow the line that begins with it; the section ends them.
INTRODUCTION = re.compile(r"^`((?:server|client)[a-z/]*)/`")


def names_in(document):
    """Folder: the names in its tables."""
    names = {}
    folder = None
    for line in document.splitlines():
        if line.startswith("## "):
            folder = None
        introduced = INTRODUCTION.match(line)
        if introduced:
            folder = introduced.group(1)
        elif folder and line.startswith("|"):
            names.setdefault(folder, []).extend(re.findall(r"`([a-z0-9_]+)`", line.split("|")[2]))
    return names


def faults_in(document, files):
    """`files`: by folder, the names without .c and .h."""
    named = names_in(document)
    faults = []
    for folder, there in files.items():
        here = named.get(folder, [])
        faults += [f"{folder}/{name}: not in docs/architecture.md" for name in sorted(there - set(here))]
        faults += [f"{folder}/{name}: in docs/architecture.md, but there is no such file"
                   for name in sorted(set(here) - there)]
        faults += [f"{folder}/{name}: twice in docs/architecture.md"
                   for name in sorted({each for each in here if here.count(each) > 1})]
    return faults


def files_there():
    return {folder: {path.stem for path in (ROOT / folder).iterdir() if path.suffix in (".c", ".h")}
            for folder in FOLDERS}


def planted():
    document = ("## The files of x\n`client/` is:\n\n| what | files |\n|---|---|\n"
                "| fruit | `apple` (red), `pear` |\n\n## Other\n\n| a | `plum` |\n")
    missed = []
    for there, told in (({"apple", "pear"}, []),
                        ({"apple", "pear", "plum"}, ["client/plum: not in"]),
                        ({"apple"}, ["client/pear: in docs"])):
        faults = faults_in(document, {"client": there})
        if len(faults) != len(told) or not all(f.startswith(t) for f, t in zip(faults, told)):
            missed.append(f"{sorted(there)}: {faults}")
    twice = faults_in(document.replace("`pear`", "`pear`, `pear`"), {"client": {"apple", "pear"}})
    if twice != ["client/pear: twice in docs/architecture.md"]:
        missed.append(f"twice: {twice}")
    return missed


if __name__ == "__main__":
    found = planted() if "--planted" in sys.argv[1:] else \
        faults_in((ROOT / "docs/architecture.md").read_text(), files_there())
    print("\n".join(found))
    sys.exit(1 if found else 0)
