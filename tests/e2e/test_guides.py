"""The guides of docs/guides, followed to the letter: every command that they show is run, and every
line of output that they show must come.

A guide's sections begin with `## `. In its ```console blocks lines that begin with `$ ` are
commands, which a `\\` at the end continues; the lines behind a command are its output. `...` in a
line stands for any text, a line of `...` for any lines, and how many spaces lie between words does
not matter. A command without output lines may print anything. A command whose output has a line
that begins with `bourse:` must be refused, every other one must pass. A block with `file=NAME` in
its first line, such as ```json file=batch.json, is a file that the reader saves.

Nothing is put in place of what the guides say but this: the exchange begins two days ago and has a
manual clock, so that STEPS can let time pass; its port is a free one instead of 7420; and homes lie
in a temporary folder. With BOURSE_GUIDES_SHOW=1 the output of every command is shown.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import tap
from exchange import BIN, BOURSE, REPORTS, ROOT, SLOWER

GUIDES = ROOT / "docs" / "guides"
SHOW = os.environ.get("BOURSE_GUIDES_SHOW") == "1"
TIMEOUT_S = 60 * SLOWER


class Section:
    """Somebody does what a section of a guide says."""

    def __init__(self, guide, title, person=None):
        self.guide, self.title = guide, title
        self.person = person or {"admin": "admin", "startup": "aurora",
                                 "operator": "meridian", "trading": "aurora",
                                 "guarantor": "granite", "auditor": "vera"}.get(guide, guide)

    def name(self):
        return f"{self.guide}: {self.title}"


class Deliver:
    """Somebody sends a file to others, as the guides ask for."""

    def __init__(self, file, giver, *takers):
        self.file, self.giver, self.takers = file, giver, takers


class Wait:
    """Time passes."""

    def __init__(self, duration):
        self.duration = duration


# The guides depend on each other, so this is the order in which people would read them.
STEPS = [
    Section("admin", "Your key"),
    Section("admin", "Make the exchange"),
    Section("admin", "Run it"),
    Section("admin", "Your configuration"),
    Section("startup", "Your key"),
    Deliver("aurora.pub", "aurora", "admin"),
    Section("operator", "Your key"),
    Deliver("meridian.pub", "meridian", "admin"),
    Section("admin", "Accounts"),
    Deliver("exchange.pin", "admin", "aurora", "meridian"),
    Section("startup", "Your configuration"),
    Section("operator", "Your configuration"),
    Section("admin", "SKUs"),
    Section("admin", "Series"),
    Section("admin", "Minting"),
    Section("admin", "Many operations at once"),
    Section("startup", "Receiving credits"),
    Section("startup", "Giving to somebody without an account"),
    Deliver("gift.txt", "aurora", "cobalt"),
    Section("startup", "Joining with a gift", "cobalt"),
    Section("startup", "Splitting, sending, merging"),
    Section("startup", "Burning"),
    Section("admin", "Freezing an account"),
    Section("operator", "Sites"),
    Section("operator", "Offers"),
    Section("startup", "Quotes"),
    Section("startup", "Redeeming"),
    Section("operator", "Handing over a lease"),
    Section("startup", "Using a lease"),
    Wait("+2h"),
    Section("operator", "Metering"),
    Section("startup", "Ending early"),
    Section("startup", "Disputing a report"),
    Section("admin", "Disputes"),
    Wait("+2h"),
    Section("operator", "Metering many leases"),
    Wait("+13h"),
    Section("operator", "When you are late"),
    Wait("+12h"),
    Section("operator", "Being paid"),
    Section("operator", "Reliability"),
    Section("admin", "Supply"),
    Section("startup", "Receipts"),
    Section("startup", "Following what happens"),
    Section("trading", "Orders that rest"),
    Section("trading", "Watching the market"),
    Section("operator", "Changing offers"),
    Wait("+1m"),
    Section("trading", "When capacity comes"),
    Section("trading", "Many orders at once"),
    Section("trading", "Which order fits"),
    Section("trading", "Elastic leases"),
    Section("trading", "Longer leases"),
    Section("trading", "Selling a lease on"),
    Section("trading", "Buying from a holder", "cobalt"),
    Section("trading", "What a sale changes"),
    Section("trading", "Rules"),
    Section("operator", "Taking a lease back"),
    Section("operator", "Maintenance and outages"),
    Section("startup", "Reports"),
    Section("startup", "Bots and colleagues"),
    Section("startup", "Replacing your key"),
    Section("operator", "Scripts"),
    Section("admin", "The clock"),
    Section("admin", "Several admins"),
    Section("guarantor", "Your key"),
    Deliver("granite.pub", "granite", "admin"),
    Deliver("bank.pub", "granite", "admin"),
    Section("guarantor", "What the admin does", "admin"),
    Deliver("exchange.pin", "admin", "granite"),
    Section("guarantor", "Your configuration"),
    Section("guarantor", "An operator proposes a backstop", "meridian"),
    Section("guarantor", "Reading, accepting, funding"),
    Section("guarantor", "Taking capacity instead"),
    Section("guarantor", "A startup proposes a grant", "cobalt"),
    Section("guarantor", "Funding a grant"),
    Section("guarantor", "A revenue share and a lease guarantee"),
    Section("guarantor", "A startup spends its grant", "cobalt"),
    Section("guarantor", "The operator's side", "meridian"),
    Wait("+14h"),
    Section("guarantor", "Metering, as ever", "meridian"),
    Wait("+12h1m"),
    Section("guarantor", "What a period came to"),
    Section("guarantor", "Where shares and grants stand"),
    Section("guarantor", "What you may have to pay"),
    Section("guarantor", "A call"),
    Wait("+31d"),
    Section("guarantor", "Declaring revenue", "cobalt"),
    Section("guarantor", "Royalty paid outside"),
    Section("guarantor", "When a pool is used up"),
    Section("operator", "What a lender asks"),
    Section("auditor", "Your key"),
    Deliver("vera.pub", "vera", "admin"),
    Section("auditor", "What the admin does", "admin"),
    Deliver("exchange.pin", "admin", "vera"),
    Deliver("audit.tar", "admin", "vera"),
    Deliver("exposure.json", "granite", "vera"),
    Section("auditor", "Your configuration"),
    Section("auditor", "The log"),
    Section("auditor", "The journal"),
    Section("auditor", "Contracts"),
    Section("auditor", "A report that somebody was shown"),
    Section("auditor", "Who is who, and whose money it is"),
    Section("auditor", "Two pairs of eyes"),
    Section("auditor", "The statement of an account"),
    Section("admin", "Checking and backing up"),
    Section("admin", "Scripts and completion"),
]


class Wrong(AssertionError):
    """A guide does not hold."""


# --- Reading a guide ------------------------------------------------------------------------------

def commands_of(lines):
    """The commands of a console block, each with the output lines shown for it."""
    found = []
    continues = False
    for line in lines:
        if continues:
            found[-1] = (found[-1][0] + "\n" + line, [])
        elif line.startswith("$ "):
            found.append((line[2:], []))
        elif not found:
            raise Wrong(f"output without a command: {line}")
        else:
            found[-1][1].append(line)
            continue
        continues = line.endswith("\\")
    return found


def read_guide(text):
    """Title of each section: its actions, ("file", name, text) or ("command", command, output)."""
    sections = {}
    actions, block, opening = None, None, None
    for line in text.splitlines():
        if block is None and line.startswith("## "):
            title = line[3:].strip()
            if title in sections:
                raise Wrong(f"two sections are called '{title}'")
            actions = sections.setdefault(title, [])
        elif block is None and line.startswith("```"):
            block, opening = [], line[3:].split()
        elif block is not None and line == "```":
            files = [word[5:] for word in opening if word.startswith("file=")]
            if (files or "console" in opening) and actions is None:
                raise Wrong("commands before the first section")
            if files:
                actions.append(("file", files[0], "".join(f"{each}\n" for each in block)))
            elif "console" in opening:
                actions += [("command", *each) for each in commands_of(block)]
            block = None
        elif block is not None:
            block.append(line)
    if block is not None:
        raise Wrong("a block has no end")
    return {title: actions for title, actions in sections.items() if actions}


def sections_compare(guides, steps):
    """Every section with commands is in the list, once, and every section of the list exists."""
    listed = [(step.guide, step.title) for step in steps if isinstance(step, Section)]
    there = {(guide, title) for guide, sections in guides.items() for title in sections}
    twice = {each for each in listed if listed.count(each) > 1}
    for what, which in (("not in the list", there - set(listed)),
                        ("listed, but not in a guide", set(listed) - there),
                        ("listed twice", twice)):
        if which:
            raise Wrong(f"{what}: " + "; ".join(f"{g}: {t}" for g, t in sorted(which)))


# --- Comparing output -----------------------------------------------------------------------------

def squeeze(line):
    return " ".join(line.split())


def line_matches(shown, line):
    pattern = ".*".join(re.escape(squeeze(part)) for part in shown.split("..."))
    return re.fullmatch(pattern.replace(r"\ ", " ?") if "..." in shown else pattern,
                        squeeze(line)) is not None


def output_matches(shown, lines, prefix=False):
    """Whether the lines are those shown. `prefix`: more may follow."""
    reached = {0}  # how many lines those shown so far may have matched
    for each in shown:
        if each.strip() == "...":
            reached = set(range(min(reached), len(lines) + 1)) if reached else set()
        else:
            reached = {n + 1 for n in reached if n < len(lines) and line_matches(each, lines[n])}
    return bool(reached) if prefix else len(lines) in reached


def outcome_check(command, shown, code, output):
    """Raises Wrong unless a command's exit code and output are what the guide says."""
    told = f"$ {command}\n{output}(exit code {code})"
    shown = [line for line in shown if line.strip()]
    lines = [line for line in output.splitlines() if line.strip()]
    if REPORTS.search(output):
        raise Wrong(f"a sanitizer's report: {told}")
    refusals = [line for line in shown if line.startswith("bourse:")]
    if refusals and code == 0:
        raise Wrong(f"this should have been refused: {told}")
    if not refusals and code != 0:
        raise Wrong(f"this should have passed: {told}")
    if shown and not output_matches(shown, lines):
        raise Wrong("the guide shows\n" + "\n".join(shown) + f"\nbut it is {told}")


# --- Following it ---------------------------------------------------------------------------------

class World:
    """A folder with a home for each person, and the exchange that the admin starts."""

    def __init__(self, guides, steps):
        self.guides, self.steps = guides, steps
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bourse-guides-"))
        self.server, self.port = None, None
        self.processes = []
        self.done = 0
        self.failed = None

    def close(self):
        try:
            if self.server is not None:
                self.server.send_signal(signal.SIGTERM)
                code = self.server.wait(TIMEOUT_S)
                output = self.output_of(self.server)
                if code != 0 or REPORTS.search(output):
                    raise Wrong(f"the server ended with {code}: {output[-4000:]}")
        finally:
            for process in self.processes:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            shutil.rmtree(self.folder, ignore_errors=True)

    def output_of(self, process):
        return (self.folder / f"output-{self.processes.index(process)}").read_text()

    def home(self, person):
        home = self.folder / person
        home.mkdir(exist_ok=True)
        return home

    def environment(self, person):
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("XDG_", "BOURSE_"))}
        return {**kept, "HOME": str(self.home(person)), "PATH": f"{BIN}:{os.environ['PATH']}",
                "TERM": "dumb", "LC_ALL": "C.UTF-8"}

    # What the guides say and what really is, in both directions.

    def adapt(self, command):
        # Within a minute: what ends "at the end of this minute" must not have ended at once.
        begin = time.strftime("%Y-%m-%dT%H:%M:30Z", time.gmtime(time.time() - 2 * 86400))
        command = re.sub(r"\bboursed init\b", f"boursed init --created {begin}", command)
        return command.replace("127.0.0.1:7420", f"127.0.0.1:{self.port or 0}")

    def translate(self, output):
        output = output.replace(str(self.folder), "/home")
        output = re.sub(r"(?m)^clock +manual:.*\n", "", output)  # a server with a real clock says none
        return output.replace(f"127.0.0.1:{self.port}", "127.0.0.1:7420")

    def start(self, person, command, shown):
        """A program that does not end: waits for what is shown, and gives it and its output."""
        with open(self.folder / f"output-{len(self.processes)}", "wb") as out:
            process = subprocess.Popen(["bash", "-c", "exec " + command], stdout=out,
                                       stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                       cwd=self.home(person), env=self.environment(person))
        self.processes.append(process)
        until = time.monotonic() + TIMEOUT_S
        while True:
            output = self.output_of(process)
            found = re.search(r"^listening on 127\.0\.0\.1:(\d+)$", output, re.M)
            self.port = int(found.group(1)) if found else self.port
            output = self.translate(output)
            if output_matches(shown, output.splitlines(), prefix=True):
                return process, output
            if process.poll() is not None or time.monotonic() > until:
                raise Wrong("the guide shows\n" + "\n".join(shown) +
                            f"\nbut it is $ {command}\n{output}")
            time.sleep(0.01)

    def run(self, person, command, shown):
        adapted = self.adapt(command)
        if command.startswith("boursed run "):
            self.server, output = self.start(person, adapted + " --clock manual", shown)
        elif "--follow" in command:
            process, output = self.start(person, adapted, shown)
            process.terminate()
            process.wait()
        else:
            done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", adapted], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL, timeout=TIMEOUT_S,
                                  cwd=self.home(person), env=self.environment(person))
            output = self.translate(done.stdout)
            if SHOW:
                tap.note(f"{person}$ {command}\n{output}")
            outcome_check(command, shown, done.returncode, output)
            return
        if SHOW:
            tap.note(f"{person}$ {command}\n{output}")

    def section(self, step):
        for kind, what, more in self.guides[step.guide][step.title]:
            if kind == "file":
                (self.home(step.person) / what).write_text(more)
            else:
                self.run(step.person, what, more)

    def step(self, step):
        if isinstance(step, Section):
            self.section(step)
        elif isinstance(step, Deliver):
            for taker in step.takers:
                shutil.copy(self.home(step.giver) / step.file, self.home(taker))
        else:
            self.run("admin", f"bourse clock advance {step.duration}", [])

    def follow(self, last):
        """Does all steps up to this one that are not done yet."""
        while self.done <= self.steps.index(last):
            if self.failed:
                raise Wrong(f"cannot be followed, since before it something failed in {self.failed}")
            step = self.steps[self.done]
            self.done += 1
            try:
                self.step(step)
            except Exception:
                self.failed = step.name() if isinstance(step, Section) else str(vars(step))
                raise


def read_guides():
    return {path.stem: read_guide(path.read_text()) for path in sorted(GUIDES.glob("*.md"))}


class Guides(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World(read_guides(), STEPS)

    @classmethod
    def tearDownClass(cls):
        cls.world.close()


def section_test(step):
    def test(self):
        self.world.follow(step)
    test.__doc__ = step.name()
    return test


for number, each in enumerate(step for step in STEPS if isinstance(step, Section)):
    word = re.sub(r"\W+", "_", each.title.lower())
    setattr(Guides, f"test_{number:02}_{each.guide}_{word}", section_test(each))


# --- The checker itself ---------------------------------------------------------------------------

GOOD = """# A guide
Prose.

## First
```text file=words
one two
```
```console
$ cat words
one   two
$ echo a; echo b; \\
    echo c in the year 2026
a
...
c in ... 2026
$ true
```

## Prose alone
Nothing to run.

## Second
```console
$ echo "bourse: it may not (not_permitted)" >&2; exit 2
bourse: ... (not_permitted)
```
"""
GOOD_STEPS = [Section("made", "First", "somebody"), Section("made", "Second", "somebody")]


class Checker(unittest.TestCase):
    def outcome(self, text, steps=None):
        """Follows a guide that is made up."""
        steps = steps or GOOD_STEPS
        guides = {"made": read_guide(text)}
        sections_compare(guides, steps)
        world = World(guides, steps)
        try:
            world.follow(steps[-1])
        finally:
            world.close()

    def test_good(self):
        """a guide that holds passes"""
        self.outcome(GOOD)

    def test_planted(self):
        """a guide with a fault is reported, whatever the fault is"""
        rows = [
            ("a command that fails", "$ true", "$ false", "should have passed"),
            ("a command that does not exist", "$ true", "$ bourze status", "should have passed"),
            ("a command that the client does not know", "$ true", f"$ {BOURSE} tokn",
             "should have passed"),
            ("a fault early in a pipe", "$ true", "$ false | cat", "should have passed"),
            ("another line of output", "one   two", "one three", "the guide shows"),
            ("a line too few", "a\n...\n", "a\n", "the guide shows"),
            ("a line that does not come", "a\n...\n", "a\n...\nx\n", "the guide shows"),
            ("a line that does not fit its ...", "c in ... 2026", "d in ... 2026",
             "the guide shows"),
            ("something refused that passes", "; exit 2", "", "should have been refused"),
            ("another refusal", "bourse: ... (not_permitted)", "bourse: ... (not_owner)",
             "the guide shows"),
            ("a refusal that is not shown", "bourse: ... (not_permitted)\n", "",
             "should have passed"),
            ("a section that is not in the list", "## Prose alone",
             "## New\n```console\n$ true\n```", "not in the list"),
            ("a listed section that does not exist", "## Second", "## Third", "not in"),
            ("a section without its commands", "$ echo \"", "echo \"", "without a command"),
            ("two sections of one name", "## Second", "## First", "two sections"),
            ("a block without an end", "exit 2\nbourse: ... (not_permitted)\n```", "exit 2",
             "no end"),
        ]
        for fault, old, new, message in rows:
            with self.subTest(fault=fault):
                self.assertIn(old, GOOD)
                with self.assertRaisesRegex(Wrong, re.escape(message)):
                    self.outcome(GOOD.replace(old, new, 1))
        with self.assertRaisesRegex(Wrong, "listed twice"):
            self.outcome(GOOD, GOOD_STEPS + GOOD_STEPS)

    def test_after_a_failure(self):
        """nothing is followed behind a section that failed"""
        world = World({"made": read_guide(GOOD.replace("$ true", "$ false"))}, GOOD_STEPS)
        try:
            for step, message in zip(GOOD_STEPS, ("should have passed", "before it")):
                with self.assertRaisesRegex(Wrong, message):
                    world.follow(step)
        finally:
            world.close()

    def test_sections(self):
        """every section of the guides with commands is in the list, and the list has no others"""
        guides = read_guides()
        self.assertEqual(sorted(guides), ["admin", "auditor", "guarantor", "operator", "startup",
                                          "trading"])
        sections_compare(guides, STEPS)


tap.main()
