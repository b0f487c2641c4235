"""Runs the test cases of a script one after the other and prints TAP.

A script defines classes derived from unittest.TestCase and ends with `tap.main()`. Arguments name
the tests to run (a part of the name is enough); none means all. A test may say more about itself
with `tap.note()`. The exit code is 1 when something failed.
"""
import io
import signal
import sys
import time
import traceback
import unittest


def note(text):
    """A line of TAP commentary, for what a reader may want to know: a seed, a figure."""
    for line in str(text).splitlines():
        print(f"# {line}", flush=True)


class Result(unittest.TestResult):
    """Prints each outcome as it comes, so that a script that hangs still shows where."""

    def __init__(self):
        super().__init__()
        self.number = 0
        self.bad = 0
        self.started = 0.0

    @staticmethod
    def name_of(test):
        text = test.shortDescription() if hasattr(test, "shortDescription") else None
        name = str(test.id()).replace("__main__.", "") if hasattr(test, "id") else str(test)
        return f"{name}: {text}" if text else name

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()

    def line(self, good, test, more=""):
        self.number += 1
        print(f"{'ok' if good else 'not ok'} {self.number} - {self.name_of(test)}{more}",
              flush=True)

    def addSuccess(self, test):
        self.line(True, test)
        note(f"{time.monotonic() - self.started:.1f} s")

    def addSkip(self, test, reason):
        self.line(True, test, f" # SKIP {reason}")

    def failed(self, test, error):
        self.bad += 1
        self.line(False, test)
        text = io.StringIO()
        traceback.print_exception(*error, limit=-8, file=text)
        note(text.getvalue())

    def addFailure(self, test, error):
        self.failed(test, error)

    def addError(self, test, error):
        self.failed(test, error)

    def addSubTest(self, test, subtest, error):
        # Each part that fails is a line of its own; the test as a whole then gives no success.
        if error is not None:
            self.failed(subtest, error)


def flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def main():
    """Runs the tests of the script that was started. Never returns."""
    # An interrupt ends the run, and with it the servers and folders of its tests.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    module = sys.modules["__main__"]
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    wanted = sys.argv[1:]
    chosen = unittest.TestSuite()
    for test in flatten(suite):
        if not wanted or any(word in test.id() for word in wanted):
            chosen.addTest(test)
    result = Result()
    chosen.run(result)
    print(f"1..{result.number}", flush=True)
    sys.exit(1 if result.bad or result.number == 0 else 0)
