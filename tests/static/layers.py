"""Dependencies point one way: net -> engine -> exchange -> store -> protocol, client -> protocol.

Reads the include lines of every source and the symbols that the built libraries ask for. With
--planted it checks itself: made-up offenders must be found.
"""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Which folders a folder may include from, itself apart.
ALLOWED = {
    "protocol": set(),
    "server/port": {"protocol"},
    "server/store": {"protocol", "server/port"},
    "server/journal": {"protocol", "server/port"},
    "server/log": {"protocol", "server/port"},
    "server/exchange": {"protocol", "server/store"},
    "server/report": {"protocol", "server/store", "server/exchange"},
    "server/engine": {"protocol", "server/port", "server/store", "server/journal", "server/log",
                      "server/exchange", "server/report"},
    "server/command": {"protocol", "server/port", "server/store", "server/journal", "server/log",
                       "server/exchange", "server/report", "server/engine", "server/net"},
    "server/net": {"protocol", "server/engine", "server/log", "server/port"},
    "server": {"server/command"},
    "client": {"protocol"},
    "client/cli": {"protocol", "client"},
}

# System headers that only some folders may include.
ONLY_IN = {
    "lmdb.h": {"server/store"},
    "uv.h": {"server/net"},
    "msgpack.h": {"protocol"},
    "jansson.h": {"client", "client/cli", "server/command"},
}

# What the rules' library must not ask the linker for.
RULES_NEVER = re.compile(r"^(uv_|mdb_|randombytes|getrandom|clock_gettime|time|gettimeofday|open|"
                         r"fopen|read|write|socket|getenv|rand|random)$|^(uv_|mdb_|randombytes_)")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def folder_of(path):
    parts = pathlib.PurePosixPath(path).parts
    for length in (2, 1):
        name = "/".join(parts[:length])
        if name in ALLOWED and len(parts) > length:
            return name
    return None


def faults_in(path, text):
    here = folder_of(path)
    if here is None:
        return [f"{path}: stands in no known folder"]
    faults = []
    for kind, name in INCLUDE.findall(text):
        if kind == '"':
            there = folder_of(name)
            if there is None:
                faults.append(f"{path}: includes {name}, which is in no known folder")
            elif there != here and there not in ALLOWED[here]:
                faults.append(f"{path}: {here} may not include {there} ({name})")
        elif name in ONLY_IN and here not in ONLY_IN[name]:
            faults.append(f"{path}: {name} belongs to {', '.join(sorted(ONLY_IN[name]))} alone")
    return faults


def symbol_faults(names):
    return [f"libbourse_exchange.a asks for {n}" for n in names if RULES_NEVER.match(n)]


def undefined_symbols(library):
    text = subprocess.run(["nm", "-u", library], capture_output=True, text=True, check=True).stdout
    return sorted({line.split()[-1] for line in text.splitlines() if " U " in line})


def check():
    faults = []
    for top in ("protocol", "server", "client"):
        for path in sorted((ROOT / top).rglob("*.[ch]")):
            name = path.relative_to(ROOT).as_posix()
            faults += faults_in(name, path.read_text())
    library = ROOT / "build/server/exchange/libbourse_exchange.a"
    if library.exists():
        faults += symbol_faults(undefined_symbols(library))
    elif os.environ.get("CI"):
        faults.append(f"{library} is missing: build first")
    return faults


def planted():
    cases = [
        ("protocol/x.c", '#include "server/store/store.h"\n'),
        ("server/exchange/x.c", '#include "server/engine/engine.h"\n'),
        ("server/exchange/x.c", '#include <uv.h>\n'),
        ("server/engine/x.c", '#include <lmdb.h>\n'),
        ("client/x.c", '#include "server/exchange/exchange.h"\n'),
        ("server/store/x.c", '#  include "server/exchange/exchange.h"\n'),
    ]
    missed = [f"not found: {path} {text!r}" for path, text in cases if not faults_in(path, text)]
    for name in ("uv_run", "mdb_env_open", "randombytes_buf", "clock_gettime", "fopen"):
        if not symbol_faults([name]):
            missed.append(f"not found: symbol {name}")
    for good in ("server/net/x.c", "server/engine/x.c"):
        if faults_in(good, '#include "server/engine/engine.h"\n'):
            missed.append(f"found where there is none: {good}")
    return missed


if __name__ == "__main__":
    found = planted() if "--planted" in sys.argv else check()
    for line in found:
        print(line)
    sys.exit(1 if found else 0)
