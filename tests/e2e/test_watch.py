"""Market data in the terminal: book, watch and market, as people see them on a screen, as lines in a
pipe, and as JSON for programs, over a break of the connection too."""
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import fcntl
import termios
import time
import unittest

import tap
from exchange import BOURSE, Exchange, SLOWER, run
from keys import Keys


class User:
    """A home folder with key file and configuration."""

    def __init__(self, exchange, name):
        self.home = exchange.folder / f"home-{name}"
        folder = self.home / ".config" / "bourse"
        folder.mkdir(parents=True)
        keys = exchange.admin_keys if name == "admin" else Keys.named(name)
        keys.write(folder / "key")
        self.environment = {"HOME": str(self.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8",
                            **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}
        self.ok("config", "init", "--server", "%s:%d" % exchange.address, "--exchange",
                exchange.pin.line)

    def __call__(self, *arguments):
        return run(BOURSE, *arguments, env=self.environment, cwd=self.home)

    def ok(self, *arguments):
        done = self(*arguments)
        assert done.returncode == 0, f"bourse {' '.join(map(str, arguments))}: {done.stderr}"
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.ok(*arguments, "--json"))

    def follow(self, *arguments):
        """The command as it runs, with its output in a pipe."""
        return subprocess.Popen([str(BOURSE), *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                env=self.environment, cwd=self.home, bufsize=0)


class Screen:
    """A terminal of a given size: what is written to it, as a person would see it."""

    def __init__(self, user, rows, columns, *arguments):
        self.rows, self.columns = rows, columns
        self.written = ""
        self.cells = [[" "] * columns for _ in range(rows)]
        self.row = self.column = 0
        self.faults = []
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.chdir(user.home)
            os.execve(str(BOURSE), [str(BOURSE), *arguments], {**user.environment, "TERM": "xterm"})
        self.modes = termios.tcgetattr(self.file)[3]

    def read(self, seconds, until=None):
        """Reads for so long, or until the screen says something."""
        end = time.monotonic() + seconds * SLOWER
        while time.monotonic() < end and not (until and until in self.text()):
            if not select.select([self.file], [], [], 0.05)[0]:
                continue
            try:
                data = os.read(self.file, 65536)
            except OSError:
                break
            if not data:
                break
            self.feed(data.decode())
        return self.text()

    def feed(self, text):
        self.written += text
        for code, letter, character in re.findall(r"\033\[([?\d;]*)([A-Za-z])|([^\033])", text):
            if letter == "H":
                self.row = self.column = 0
            elif letter in "KJ" and letter:
                if code == "2":
                    self.cells = [[" "] * self.columns for _ in range(self.rows)]
                    continue
                self.cells[self.row][self.column:] = [" "] * (self.columns - self.column)
                for row in range(self.row + 1, self.rows if letter == "J" else 0):
                    self.cells[row] = [" "] * self.columns
            elif character == "\r":
                self.column = 0
            elif character == "\n":
                self.row += 1
            elif character:
                if self.column >= self.columns or self.row >= self.rows:
                    self.faults.append((self.row, self.column, character))
                    continue
                self.cells[self.row][self.column] = character
                self.column += 1

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.cells = [[" "] * columns for _ in range(rows)]
        self.row = self.column = 0
        # What was drawn for the old size may still be on its way.
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        end = time.monotonic() + 1.5 * SLOWER
        while time.monotonic() < end:
            if select.select([self.file], [], [], 0.05)[0]:
                os.read(self.file, 65536)
        self.faults = []

    def press(self, key):
        os.write(self.file, key)

    def end(self):
        self.read(5)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.file)
        return os.waitstatus_to_exitcode(status)


def wait_line(process, words, lines):
    """Reads lines until one holds all the words."""
    wait_lines(process, lines, lambda: any(all(w in line for w in words) for line in lines))


def wait_lines(process, lines, enough, seconds=20):
    """Reads lines until they are enough."""
    end = time.monotonic() + seconds * SLOWER
    rest = b""
    while time.monotonic() < end:
        if not select.select([process.stdout], [], [], 0.1)[0]:
            continue
        data = os.read(process.stdout.fileno(), 65536)
        if not data:
            break
        *whole, rest = (rest + data).split(b"\n")
        lines += [line.decode() for line in whole]
        if not rest and enough():
            return
    raise AssertionError(f"not enough: {lines} {process.poll()}")


def depth_of(lines):
    """What the changes of the depth come to."""
    depth = {}
    for change in map(json.loads, lines):
        if change["type"] == "depth":
            depth[change["price_ucr"]] = change["gpus"]
    return {price: gpus for price, gpus in depth.items() if gpus > 0}


class Watch(unittest.TestCase):
    def market(self, x):
        admin = User(x, "admin")
        users = {"admin": admin}
        for name, role in (("acme", "startup"), ("gridco", "operator"), ("fund", "guarantor")):
            admin.ok("account", "register", name, Keys.named(name).text(), "--role", role)
            users[name] = User(x, name)
        admin.ok("sku", "add", "gb300", "--vendor", "NVIDIA", "--model", "GB300", "--memory-gb",
                 "288", "--power-w", "1400")
        admin.ok("sku", "add", "h100", "--vendor", "NVIDIA", "--model", "H100", "--memory-gb",
                 "80", "--power-w", "700")
        gridco = users["gridco"]
        gridco.ok("site", "add", "batam", "--region", "ID", "--power-kw", "360000")
        gridco.ok("site", "add", "austin", "--region", "US-TX", "--power-kw", "360000")
        admin.ok("series", "create", "spring", "--funder", "fund", "--expires", "+365d")
        admin.ok("mint", "spring", "acme=100000")
        self.offer(users, "batam", "64", "2.5")
        self.offer(users, "austin", "32", "2.75")
        return users

    def offer(self, users, site, gpus, price):
        users["gridco"].ok("offer", "publish", "--site", site, "--sku", "gb300", "--gpus", gpus,
                           "--for", "30d", "--price", price)

    def redeem(self, users, gpus, limit="3", *more):
        users["acme"].ok("redeem", "--sku", f"gb300={limit}", "--gpus", str(gpus), "--duration",
                         "2h", *more)

    def hand_over(self, users):
        """What is not handed over in time was traded for nothing."""
        for lease in users["gridco"].json("lease", "list"):
            if lease["state"] == "granted":
                users["gridco"].ok("lease", "activate", str(lease["lease"]), "--no-access")

    def test_book_and_market(self):
        """the book's two sides, trades, index, starts and utilisation, in words and in JSON"""
        with Exchange() as x:
            users = self.market(x)
            acme = users["acme"]
            self.assertIn("nobody waits", acme.ok("book", "gb300"))
            self.assertIn("nothing is offered", acme.ok("book", "h100"))
            self.redeem(users, 8)
            self.redeem(users, 16, "2.25", "--rest", "+5h")
            lines = acme.ok("book", "gb300").splitlines()
            self.assertEqual([line.split() for line in lines[3:5] + lines[6:7]],
                             [["ask", "2.75", "32", "88", "1"], ["ask", "2.50", "56", "56", "1"],
                              ["bid", "2.25", "16", "16", "1"]])
            self.assertIn("spread 0.25 (10.0 %)", lines[5])
            self.assertIn("firm (not preemptible), reserved, leases of any length", lines[1])
            # Other kinds of capacity are a book of their own.
            seller = users["gridco"]
            seller.ok("offer", "publish", "--site", "batam", "--sku", "gb300", "--gpus", "8",
                      "--for", "30d", "--price", "1", "--preemptible", "--lease-min", "7d")
            self.assertEqual(acme.ok("book", "gb300").splitlines()[3:], lines[3:])
            other = acme.ok("book", "gb300", "--preemptible").splitlines()
            self.assertEqual(other[3].split(), ["ask", "1.00", "8", "8", "1"])
            self.assertIn("nobody waits", other[-1])
            short = acme.json("book", "gb300", "--preemptible", "--duration", "6d")
            self.assertEqual((short["preemptible"], short["duration_min"], short["sell"]),
                             (True, 6 * 1440, []))
            self.assertIn("nothing is offered", acme.ok("book", "gb300", "--metered"))
            seller.ok("offer", "withdraw", str(seller.json("offer", "list")[-1]["offer"]))
            book = acme.json("book", "gb300", "--region", "US")
            self.assertEqual([level["gpus"] for level in book["sell"]], [32])
            self.assertEqual(book["buy"], [{"price_ucr": 2250000, "gpus": 16, "total_gpus": 16,
                                            "count": 1}])
            done = acme("book", "gb300", "--limit", "0")
            self.assertEqual(done.returncode, 1)
            trades = acme.json("market", "trades", "gb300")
            self.assertEqual([(t["gpus"], t["price_ucr"], t["kind"], t["region"]) for t in trades],
                             [(8, 2500000, "spot", "ID")])
            self.assertNotIn("acme", acme.ok("market", "trades"))
            self.assertIn("published hourly", acme("market", "index", "gb300").stderr)
            for _ in range(3):
                self.hand_over(users)
                users["admin"].ok("clock", "advance", "+1h")
                self.redeem(users, 4)
            points = acme.json("market", "index", "gb300")
            self.assertEqual([p["level_ucr"] for p in points], [2500000] * 3)
            self.assertEqual([p["trades"] for p in points], [1, 2, 3])
            shown = acme.ok("market", "index", "gb300", "--limit", "1")
            self.assertIn("▄▄▄", shown)
            self.assertEqual(len(shown.splitlines()), 4)
            starts = acme.json("market", "starts", "--sku", "gb300", "--gpus", "62", "--duration",
                               "1h", "--count", "4")
            self.assertEqual([s["gpus"] for s in starts], [0, 0, 62, 62])
            # What is not to be had has no price, rather than none.
            self.assertEqual([(s["price_ucr"], s["cost_ucr"]) for s in starts][0], (None, None))
            self.assertTrue(all(s["price_ucr"] > 0 for s in starts[2:]))
            shown = acme.ok("market", "starts", "--sku", "gb300", "--gpus", "62", "--duration",
                            "1h", "--count", "4").splitlines()
            self.assertEqual(shown[1].split()[1:], ["0", "-", "-"])
            # A region in which nobody has a site, and one that is none.
            empty = acme.ok("book", "gb300", "--region", "FR")
            self.assertIn("No site is in the region 'FR'; there are 'ID', 'US-TX'.", empty)
            self.assertNotIn("No site", acme.ok("book", "gb300", "--region", "US"))
            for command in (("book", "gb300"), ("market", "trades"), ("watch",)):
                done = acme(*command, "--region", "xx")
                self.assertEqual(done.returncode, 1)
                self.assertIn("--region: 'xx' is not an ISO 3166 code", done.stderr)
            self.assertIn("'FR'; there are", acme("market", "trades", "--region", "FR").stderr)
            used = acme.json("market", "utilisation", "--site", "batam", "--from", "-3h",
                             "--until", "+0h", "--step", "1h")
            self.assertEqual([u["gpu_minutes_offered"] for u in used][1:], [64 * 60] * 2)
            self.assertTrue(all(u["gpu_minutes_leased"] > 0 for u in used[1:]), used)
            self.assertIn("batam", acme.ok("market", "utilisation"))

    def test_watch_a_break(self):
        """watch --json tells of every trade and index point, though the server is killed meanwhile"""
        with Exchange() as x:
            users = self.market(x)
            x.port = x.address[1]
            program = users["acme"].follow("watch", "gb300", "--json")
            plain = users["acme"].follow("watch")
            lines, words = [], []
            try:
                wait_line(program, ['"side":"sell"', "2750000"], lines)
                wait_line(plain, ["gb300", "ask 64 x 2.5"], words)
                for number in range(1, 6):
                    if number in (2, 4):
                        x.kill()
                    if number == 4:
                        x.start()
                        self.redeem(users, 1)
                        x.kill()
                    if number in (2, 4):
                        x.start()
                    self.redeem(users, number)
                self.hand_over(users)
                users["admin"].ok("clock", "advance", "+1h")
                self.redeem(users, 7)
                wait_line(program, ['"type":"trade"', '"gpus":7'], lines)
                wait_line(plain, ["7 x 2.5"], words)
                book = users["acme"].json("book", "gb300")
                there = {level["price_ucr"]: level["gpus"] for level in book["sell"]}
                if depth_of(lines) != there:
                    wait_lines(program, lines, lambda: depth_of(lines) == there)
            finally:
                for process in (program, plain):
                    process.send_signal(signal.SIGINT)
                    _, errors = process.communicate(timeout=20 * SLOWER)
                    self.assertEqual(process.returncode, 0, errors)
            told = [json.loads(line) for line in lines]
            trades = [t for t in told if t["type"] == "trade"]
            self.assertEqual([t["gpus"] for t in trades], [1, 2, 3, 1, 4, 5, 7])
            self.assertEqual([t["trade"] for t in trades], list(range(1, 8)))
            points = [t for t in told if t["type"] == "index"]
            self.assertEqual([(p["trades"], p["kind"]) for p in points], [(6, "spot")])
            # What was missed can be told again from an index on.
            again = users["acme"].follow("watch", "--json", "--from", "0")
            lines = []
            wait_line(again, ['"type":"trade"', '"gpus":7'], lines)
            again.send_signal(signal.SIGTERM)
            again.communicate(timeout=20 * SLOWER)
            self.assertEqual(len([line for line in lines if '"trade"' in line and
                                  '"type":"trade"' in line]), 7)

    def test_screen(self):
        """watch draws in place at 80x24, follows a resize, and gives the terminal back"""
        with Exchange() as x:
            users = self.market(x)
            self.redeem(users, 8)
            screen = Screen(users["acme"], 24, 80, "watch", "gb300")
            text = screen.read(20, "8 x 2.5")
            self.assertIn("ask            2.50          56", text)
            self.redeem(users, 6)
            text = screen.read(20, "6 x 2.5")
            self.assertIn("6 x 2.5", text)
            screen.resize(12, 40)
            text = screen.read(3)
            self.assertIn("example.org/e2e", text)
            self.assertEqual(screen.faults, [])
            screen.press(b"\x03")
            self.assertEqual(screen.end(), 0)
            self.assertTrue(screen.written.rstrip().endswith("\033[?25h\033[?1049l"))
            overview = Screen(users["acme"], 24, 80, "watch")
            text = overview.read(20, "8 x 2.5")
            for word in ("gb300", "h100", "Trades"):
                self.assertIn(word, text)
            self.assertEqual(overview.faults, [])
            overview.press(b"q")
            self.assertEqual(overview.end(), 0)
            book = Screen(users["acme"], 24, 80, "book", "gb300", "--live")
            self.assertIn("50", book.read(20, "2.50"))
            self.offer(users, "batam", "10", "2.4")
            self.assertIn("2.40", book.read(20, "2.40"))
            self.assertEqual(book.faults, [])
            book.press(b"\x03")
            self.assertEqual(book.end(), 0)


tap.main()
