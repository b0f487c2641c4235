"""Reports through the command `bourse`: every kind as table, JSON and CSV, the same bytes offline,
pages joined, and errors that say what to do."""
import csv
import io
import json
import subprocess
import unittest
from decimal import Decimal

import focus
import tap
from exchange import BOURSE, BOURSED, CREDIT, REPORTS, SLOWER, Exchange
from user import LOCAL, OK, REFUSED, USAGE, User, registered

KINDS = ("exposure", "stress", "collateral", "endorsement", "circularity", "concentration", "vacancy",
         "carbon", "portability", "statement", "usage")
DEBT = "month,outstanding,due\n{month},1000,50\n2099-01,500,60\n"
CURVE = "sku,age_months,value\nh100,0,100\nh100,24,10\n,0,5\n"


def printed(program, user, *arguments):
    """What it prints to stdout, with its line ends as they are; it must succeed."""
    done = subprocess.run([str(program), *map(str, arguments)], capture_output=True,
                          stdin=subprocess.DEVNULL, cwd=user.home, env=user.environment,
                          timeout=60 * SLOWER)
    told = done.stderr.decode()
    assert done.returncode == OK and not REPORTS.search(told), f"{arguments}: {told}"
    return done.stdout.decode()


def parties(x):
    """A backstop, a lease guarantee, and a lease of a startup that is settled."""
    users = registered(x, {"guard": "guarantor", "gridco": "operator", "bank": "guarantor",
                           "acme": "startup", "audit": "auditor"})
    admin, guard, gridco, acme = (users[n] for n in ("admin", "guard", "gridco", "acme"))
    admin.ok("sku", "add", "h100", "--vendor", "NVIDIA", "--model", "H100", "--memory-gb", "80",
             "--power-w", "700", "--generation", "hopper")
    # A name that a spreadsheet would take for a formula, and that JSON and CSV must quote.
    gridco.ok("site", "add", '=1+1, "x"', "--region", "ID", "--power-kw", "1000", "--carbon", "500")
    admin.ok("series", "create", "spring", "--funder", "guard", "--expires", "+360d")
    admin.ok("mint", "spring", "guard=1000", "gridco=50.5", "acme=500")
    gridco.ok("offer", "publish", "--site", "1", "--sku", "h100", "--gpus", "10", "--for", "90d",
              "--price", "2", "--meter-period", "1h")
    guard.ok("backstop", "propose", "--operator", "gridco", "--site", "1", "--sku", "h100",
             "--gpus", "10", "--strike", "1.5", "--pool", "6300", "--start", "+1h", "--end", "+80d",
             "--price-max", "2")
    gridco.ok("backstop", "accept", "1", "1")
    guard.ok("guarantee", "propose", "--operator", "gridco", "--beneficiary", "bank", "--site", "1",
             "--limit", "3500", "--end", "+80d")
    gridco.ok("guarantee", "accept", "2", "1")
    acme.ok("redeem", "--sku", "h100=2", "--gpus", "4", "--duration", "1h", "--series", "spring")
    gridco.ok("lease", "activate", "1", "--no-access")
    x.advance(2 * 3600)
    gridco.ok("lease", "meter", "1", "0")
    x.advance(30 * 3600)
    return users


def options_of(x, user, kind):
    """What a kind needs besides its name."""
    month = user.json("status")["time_s"][:7]
    (user.home / "debt.csv").write_text(DEBT.format(month=month))
    (user.home / "curve.csv").write_text(CURVE)
    return {"stress": ["--demand-down", "20%", "--generation", "hopper", "--density", "2.5"],
            "collateral": ["--debt", "debt.csv", "--curve", "curve.csv"],
            "endorsement": ["--site", "1", "--debt", "debt.csv"],
            "statement": ["--account", "gridco"],
            "usage": ["--account", "acme", "--par", "0.92", "--currency", "EUR"]}.get(kind, [])


def tables_of(text):
    """What CSV with all tables holds: name, titles and rows of each."""
    assert text.endswith("\r\n") and "\n" not in text.replace("\r\n", "")
    parts, part = [], []
    for row in csv.reader(io.StringIO(text, newline="")):
        if row:
            part.append(row)
        else:
            parts.append(part)
            part = []
    return {each[0][0]: (each[1], each[2:]) for each in parts + [part]}


class Kinds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.x = Exchange()
        cls.x.__enter__()
        cls.users = parties(cls.x)

    @classmethod
    def tearDownClass(cls):
        cls.x.__exit__(None, None, None)

    def kind(self, kind):
        audit = self.users["audit"]
        options = options_of(self.x, audit, kind)
        text = audit.ok("report", kind, *options, "--json")
        told = json.loads(text)
        self.assertEqual(told["kind"], kind)
        self.assertTrue(told["tables"] and told["time_s"])

        # All tables as CSV: the same names, and as many rows; on standard error as of what.
        done = audit("report", kind, *options, "--csv", "--table", "all")
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertIn(f"as of log index {told['index']}, {told['time_s']}", done.stderr)
        tables = tables_of(printed(BOURSE, audit, "report", kind, *options, "--csv", "--table", "all"))
        self.assertEqual(list(tables), list(told["tables"]))
        for name, (titles, rows) in tables.items():
            self.assertEqual(len(rows), len(told["tables"][name]), name)
            self.assertTrue(all(len(row) == len(titles) for row in rows), name)
            self.assertFalse([cell for row in rows for cell in row if cell.startswith("=")])
            for row in told["tables"][name]:
                self.assertEqual(len(row), len(titles), name)
        first = next(iter(told["tables"]))
        self.assertEqual(printed(BOURSE, audit, "report", kind, *options, "--csv").split("\r\n")[0],
                         ",".join(tables[first][0]))

        # For people: titles, notes, and as of what.
        shown = audit.ok("report", kind, *options)
        self.assertIn(f"as of log index {told['index']}", shown)
        for name in told["tables"]:
            self.assertIn(f"({name})\n", shown)
        for note in told["notes"]:
            self.assertIn(note, " ".join(shown.split()))
        one = json.loads(audit.ok("report", kind, *options, "--json", "--table", first))
        self.assertEqual(list(one["tables"]), [first])
        self.assertIn("there is no table 'nothing'; there are: " + ", ".join(told["tables"]),
                      audit.fails(USAGE, "report", kind, *options, "--table", "nothing"))

        # Whoever has the journal makes the same report, byte for byte.
        for form in ([], ["--json"], ["--csv", "--table", "all"]):
            online = printed(BOURSE, audit, "report", kind, *options, *form)
            index = json.loads(audit.ok("report", kind, *options, "--json"))["index"]
            self.assertEqual(printed(BOURSED, audit, "report", kind, "--data", self.x.data, "--at",
                                     index, "--time", told["time_s"], *options, *form), online)

    def test_amounts(self):
        """nominal exposure is what is left of the pool and of the limit"""
        total, = self.users["audit"].json("report", "exposure")["tables"]["total"]
        self.assertEqual(total["nominal_ucr"], 9800 * CREDIT - self.owed())
        table = self.users["audit"].ok("report", "exposure", "--table", "total")
        self.assertIn("9,", table)
        own = self.users["guard"].json("report", "exposure")
        self.assertEqual(own["account_name"], "guard")
        self.assertEqual(own["tables"]["total"], [total])

    def test_shock_of_nothing(self):
        """is where a row of shocks begins: it changes nothing"""
        audit = self.users["audit"]
        for shock in (("--demand-down", "0%"), ("--price-down", "0"),
                      ("--generation", "hopper", "--density", "1")):
            total, = audit.json("report", "stress", *shock)["tables"]["total"]
            self.assertEqual((total["stressed_ucr"], total["more_ucr"]), (total["base_ucr"], 0))

    def test_notes_of_one_table(self):
        """are those that warn; what is assumed comes with all tables, and always in JSON"""
        audit = self.users["audit"]
        shown = audit.ok("report", "exposure", "--table", "total")
        self.assertLess(len(shown.splitlines()), 12)
        self.assertIn("--table all", shown)
        self.assertEqual(audit.ok("report", "exposure", "--table", "all"), audit.ok("report", "exposure"))
        self.assertGreater(len(audit.json("report", "exposure", "--table", "total")["notes"]), 5)

    def test_par(self):
        """usage in another currency keeps to FOCUS, and costs what it does in USD times the par"""
        audit = self.users["audit"]
        text = printed(BOURSE, audit, "report", "usage", "--par", "0.92", "--currency", "EUR", "--csv")
        self.assertEqual(focus.faults(text, Decimal("0.92"), "EUR"), [])
        plain = printed(BOURSE, audit, "report", "usage", "--csv")
        self.assertEqual(focus.faults(plain), [])
        costs = [[Decimal(row["BilledCost"]) for row in focus.rows(each)] for each in (text, plain)]
        self.assertGreater(sum(costs[1]), 0)
        self.assertEqual(sum(costs[0]), sum(costs[1]) * Decimal("0.92"))

    def owed(self):
        return sum(draw["owed_ucr"] for draw in self.users["guard"].json("backstop", "statement",
                                                                         "1"))

    def test_who_may_ask(self):
        """a party sees its own, and no other's"""
        acme = self.users["acme"]
        self.assertEqual(acme.json("report", "exposure")["tables"]["contracts"], [])
        self.assertEqual(acme.json("report", "statement")["account_name"], "acme")
        self.assertIn("not_visible", acme.fails(REFUSED, "report", "statement", "--account",
                                                  "guard"))

    def test_wrong_command_lines(self):
        """each says what is wrong with it, and what to do"""
        audit = self.users["audit"]
        options_of(self.x, audit, "collateral")
        (audit.home / "bad.csv").write_text("month,due\n2027-01,50\n2027-02,5x\n")
        (audit.home / "semicolons.csv").write_text("month;due\n2027-01;50\n")
        (audit.home / "curve-bad.csv").write_text("sku,age_months,value\nh100,5,1\nh100,4,2\n")
        (audit.home / "empty.csv").write_text("")
        site = ("--site", "1")
        for words, message in (
                (("exposition",), "no command 'exposition'"),
                (("exposur",), "did you mean 'exposure'?"),
                (("exposure", "--month", "2027-01"), "unknown option --month"),
                (("exposure", "--at", "12"), "boursed report exposure --data DIR --at 12"),
                (("exposure", "--csv", "--json"), "exclude each other"),
                (("exposure", "--account", "nobody"), "nobody"),
                (("stress",), "nothing is stressed"),
                (("stress", "--demand-down", "120%"), "--demand-down: '120%' is not a percentage"),
                (("stress", "--density", "2"), "--generation and --density belong together"),
                (("stress", "--generation", "x", "--density", "0"), "is not a factor"),
                (("stress", "--generation", "hopper", "--density", "0.5"), "is not a factor from 1"),
                (("stress", "--generation", "hoper", "--density", "2"),
                 "no such SKU (sku_not_found). --generation and --sku are those of a SKU"),
                (("collateral",), "--debt is missing"),
                (("collateral", "--debt", "debt.csv"), "--curve is missing"),
                (("collateral", "--debt", "debt.csv", "--curve", "curve-bad.csv"),
                 "curve-bad.csv, line 3: the age 4 does not come after 5 of h100"),
                (("endorsement", "--debt", "debt.csv"), "--site is missing"),
                (("endorsement", *site), "--debt is missing"),
                (("endorsement", *site, "--debt", "bad.csv"),
                 "bad.csv, line 3: due: '5x' is not an amount of credits"),
                (("endorsement", *site, "--debt", "semicolons.csv"),
                 "semicolons.csv, line 1: there is no column 'month;due'"),
                (("endorsement", *site, "--debt", "empty.csv"), "empty.csv: it is empty"),
                (("endorsement", *site, "--debt", "none.csv"), "cannot read none.csv"),
                (("vacancy", "--month", "2027-13"), "--month: '2027-13' is not a month"),
                (("vacancy", "--from", "2027-02", "--until", "2027-01"), "must come later"),
                (("vacancy", "--month", "2027-01", "--from", "2027-01"), "give one or the other"),
                (("vacancy", "--par", "1"), "unknown option --par"),
                (("usage", "--par", "0"), "--par: '0' is not what a credit is worth"),
                (("usage", "--par", "1", "--currency", "eur"), "three capital letters, such as EUR"),
                (("usage", "--currency", "EUR"), "--par is missing: what a credit is worth in EUR"),
        ):
            with self.subTest(words=words):
                done = audit("report", *words)
                self.assertIn(done.returncode, (USAGE, REFUSED, LOCAL))
                self.assertEqual(done.stdout, "")
                self.assertIn(message, done.stderr)
        told = audit.fails(LOCAL, "report", "endorsement", *site, "--debt", "none.csv")
        self.assertIn("cannot read none.csv", told)
        self.assertNotIn("--help", told)
        error = json.loads(audit("report", "stress", "--json").stderr)["error"]
        self.assertEqual((error["class"], error["exit_code"]), ("usage", USAGE))

    def test_help_and_completion(self):
        """each kind says whom it is for, and has an example"""
        audit = self.users["audit"]
        self.assertEqual(set(KINDS), {line.split()[0] for line in
                                      audit.ok("report", "--help").splitlines()
                                      if line.startswith("  ")})
        completion = audit.ok("completion")
        for kind in KINDS:
            told = audit.ok("report", kind, "--help")
            self.assertIn("For ", told)
            self.assertIn(f"  bourse report {kind}", told)
            self.assertIn(f"'bourse report {kind}') words=' --account", completion)

    def test_from_standard_input(self):
        """--debt - reads it there"""
        audit = self.users["audit"]
        told = json.loads(audit.ok("report", "endorsement", "--site", "1", "--debt", "-", "--json",
                                   input_text="month,due\n2099-01,50\n"))
        self.assertEqual(told["kind"], "endorsement")


def kind_test(kind):
    def test(self):
        self.kind(kind)
    test.__doc__ = f"{kind}: as table, JSON and CSV, online and from the journal"
    return test


for each in KINDS:
    setattr(Kinds, f"test_kind_{each}", kind_test(each))


class Pages(unittest.TestCase):
    def test_pages(self):
        """a report of more rows than a page has comes as a whole, and in order"""
        many = 1100
        with Exchange() as x:
            users = {"admin": User(x, "admin"), "acme": User(x, "acme")}
            admin, acme = users["admin"], users["acme"]
            admin.ok("account", "register", "acme", acme.ok("keygen", "--show").strip(), "--role",
                     "startup")
            told = acme.json("status")["you"]
            expires_s = x.now_s() + 360 * 86400
            for first in range(0, many, 550):
                (admin.home / "series.json").write_text(json.dumps(
                    [{"operation": "series_create", "name": f"series-{i}", "funder": 1,
                      "expired_to": 1, "expires_s": expires_s}
                     for i in range(first, first + 550)]))
                admin.ok("submit", "series.json")
                (admin.home / "mint.json").write_text(json.dumps(
                    [{"operation": "mint", "series": i + 1,
                      "outputs": [{"account": told, "amount_ucr": (i + 1) * CREDIT}]}
                     for i in range(first, first + 550)]))
                admin.ok("submit", "mint.json")
            rows = acme.json("report", "portability")["tables"]["series"]
            self.assertEqual(len(rows), many)
            self.assertEqual(len({row["series"] for row in rows}), many)


tap.main()
