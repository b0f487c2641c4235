"""The README's first command: `server/demo --once` walks through a day of business and ends."""
import os
import re
import subprocess
import unittest

import tap
from exchange import BIN, REPORTS, ROOT, SANITIZED

DEMO = ROOT / "server" / "demo"
# What the demo is to show, as words that a reader must meet in this order.
STEPS = ("mint", "split", "merge", "offer", "quote", "redeem", "activ", "meter", "settle",
         "order place", "order why", "book", "resell", "lease_sold", "trades",
         "backstop propose", "backstop statement", "claim list",
         "revshare propose", "revshare shares",
         "grant propose", "revenue declare", "royalty pay", "flow list",
         "report circularity",
         "receipt", "verif", "check")
# And of the market lines like these: an order rests, a new offer fills it, a part is sold on.
MARKET = (r"order 4: 0 of 512 gpus", r"512 gpus rest until", r"price +2 +at 2\.4 it would fill now",
          r"ask +2\.40 +170000", r"bid +2\.30 +512", r"published offer 3: 512 gpus",
          r"4 +basalt +filled .* 512 .*14131\.2", r"offer 4: 256 gpus of lease 4 at 2\.35",
          r"ask +2\.35 +256", r"order 5: 256 of 256 gpus for 5414\.4 credits",
          r"lease_sold .*gain=\d+:growth:basalt:115\.2", r"ask +2\.40", r"nobody waits",
          r"256 +2\.35 +spot .* yes\n", r"512 +2\.3 +spot .* no\n",
          r"ok +market +9 searches matched again")
# And of the contracts: a period that the fund pays in part, a step in the middle of a settlement, a
# month of revenue.
CONTRACTS = (r"proposed by yourself", r"in force", r"1000 credits in its fund",
             r"owed 1296 credits in all, 1000 of it paid at once.* 296 open as claims",
             r"48704 left of a pool of 50000", r"1 +1 +meridian +atlas +296 +296",
             r"704 credits in its fund, 0 owed in claims",
             r"phase 1 of 2, at 20\.00%.* 2240 credits more .* 70\.00% \(reached\)",
             r"utilisation: 80\.00% over the day until",
             r"1 +\S+ +7 +0 +5760 +5760 +1 +1 +1152 +1152",
             r"2 +\S+ +7 +1 +5760 +5760 +1 +2 +800 +800",
             r"3 +\S+ +7 +2 +5760 +5760 +2 +2 +576 +576", r"phase 2 of 2, at 10\.00%",
             r"declared the revenue of", r"royalty: +5000", r"due: +5000",
             r"paid 3000 credits under contract 3; 2000 are due",
             r"recorded 2000 credits .* 0 are due", r"backstop +atlas +meridian +growth +oslo",
             r"royalty +basalt +atlas +growth", r"atlas +6,248 +3,720 +2,528 +59\.5391 +40\.4609",
             r"ok +contract 3 contracts worked out again .* 1 backstop \(2 settled periods\)")


class Demo(unittest.TestCase):
    def in_order(self, patterns, text):
        at = 0
        for pattern in patterns:
            found = re.compile(pattern).search(text, at)
            self.assertIsNotNone(found, f"{pattern} is missing in: {text[at:][-6000:]}")
            at = found.end()

    def readme_holds(self, output):
        """What the README shows of the walk is what was printed, but for the time."""
        shown = re.split(r"A part of the\s+walk", (ROOT / "README.md").read_text())[1]
        lines = [line[4:] for line in shown.split("\n## ", 1)[0].splitlines() if line[:4] == "    "]
        self.assertGreater(len(lines), 15)
        printed = "\n".join(line.rstrip() for line in output.splitlines())
        self.in_order([re.sub(r"20\d\d-\d\d(-\d\dT\d\d:\d\d:\d\dZ)?", r"20\\d\\d-\\d\\d\\S*",
                              re.escape(line).replace(r"\-", "-")) for line in lines], printed)

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
        self.in_order([re.escape(step) for step in STEPS], text)
        self.in_order(MARKET, text)
        self.in_order(CONTRACTS, text)
        self.readme_holds(done.stdout)
        for word in ("40,000", "170,000", "360"):
            self.assertTrue(word in text or word.replace(",", "") in text or
                            word.replace(",", " ") in text, f"{word} is not mentioned")


tap.main()
