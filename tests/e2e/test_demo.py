"""The README's first command: `server/demo --once` walks through a day of business and ends."""
import os
import re
import subprocess
import unittest

import tap
from exchange import BIN, REPORTS, ROOT, SANITIZED

DEMO = ROOT / "server" / "demo"
# What the issue lists, as words that a reader must meet in this order.
STEPS = ("mint", "split", "merge", "offer", "quote", "redeem", "activ", "meter", "settle",
         "receipt", "verif", "check")


class Demo(unittest.TestCase):
    def test_once(self):
        """ends with exit code 0 and shows each step"""
        if SANITIZED:
            self.skipTest("the demo makes the release build its own; run it there")
        # What it builds is what this run tests, unless that is another build.
        if BIN != ROOT / "build":
            self.skipTest(f"the demo builds build/, this run is about {BIN}")
        done = subprocess.run([str(DEMO), "--once"], stdin=subprocess.DEVNULL, timeout=900,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              cwd="/", env={**os.environ, "TERM": "dumb"})
        self.assertEqual(done.returncode, 0, done.stdout[-4000:])
        self.assertIsNone(REPORTS.search(done.stdout), done.stdout[-4000:])
        text = re.sub(r"\033\[[0-9;]*m", "", done.stdout).lower()
        missing = [step for step in STEPS if step not in text]
        self.assertEqual(missing, [], text[-6000:])
        for word in ("40,000", "170,000", "360"):
            self.assertTrue(word in text or word.replace(",", "") in text or
                            word.replace(",", " ") in text, f"{word} is not mentioned")


tap.main()
