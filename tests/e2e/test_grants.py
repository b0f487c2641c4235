"""Grants as people use them: proposed, funded, declared with evidence, paid, recorded, amended."""
import datetime
import hashlib
import json
import re
import unittest

import tap
from exchange import CREDIT, Exchange
from keys import Keys
from user import REFUSED, USAGE, User


def month_of(time_s):
    return datetime.datetime.fromtimestamp(time_s, datetime.timezone.utc).strftime("%Y-%m")


def moment(time_s):
    return datetime.datetime.fromtimestamp(time_s, datetime.timezone.utc).strftime("%FT%TZ")


def month_end_s(time_s):
    day = datetime.datetime.fromtimestamp(time_s, datetime.timezone.utc).replace(day=28)
    after = (day + datetime.timedelta(days=4)).replace(day=1, hour=0, minute=0, second=0)
    return int(after.timestamp())


class Grants(unittest.TestCase):
    def people(self, x):
        admin = User(x, "admin")
        users = [admin]
        for name, role in (("fund", "guarantor"), ("aurora", "startup"), ("beta", "startup")):
            users.append(User(x, name))
            admin.ok("account", "register", name, Keys.named(name).text(), "--role", role)
        admin.ok("series", "create", "aurora-1", "--funder", "fund", "--expires", "+3650d")
        admin.ok("mint", "aurora-1", "fund=1000")
        return users

    def propose(self, fund, *more):
        return fund.json("grant", "propose", "--startup", "aurora", "--series", "aurora-1",
                         "--share", "5%", "--cap", "1.5", "--term", "24", "--tail", "12",
                         "--tranche", "200@start", "--tranche", "100@spent:150",
                         "--tranche", "50@admin", "--carve-out", "subsidies", *more)["contract"]

    def test_a_grant(self):
        """from the proposal to royalty, in credits and outside"""
        with Exchange() as x:
            admin, fund, aurora, beta = self.people(x)
            begin_s = x.now_s()
            grant = self.propose(fund)
            row = aurora.json("grant", "show", grant)
            self.assertEqual((row["state"], row["share_bp"], row["cap_bp"], row["version"]),
                             ("proposed", 500, 15000, 1))
            self.assertEqual([(t["kind"], t["amount_ucr"]) for t in row["tranches"]],
                             [("date", 200 * CREDIT), ("spent", 100 * CREDIT),
                              ("admin", 50 * CREDIT)])
            self.assertEqual([c["name"] for c in row["carve_outs"]], ["subsidies"])
            beta.fails(REFUSED, "grant", "show", grant)
            aurora.ok("grant", "accept", grant)
            admin.ok("series", "create", "other", "--funder", "fund")
            admin.ok("mint", "other", "fund=1")
            self.assertIn("takes credits of its own series alone", fund.fails(
                REFUSED, "contract", "fund", grant, "1", "--series", "other"))
            fund.ok("contract", "fund", grant, "500", "--series", "aurora-1")
            self.assertEqual(aurora.json("balance")[0]["tokens_ucr"], 200 * CREDIT)
            self.assertRegex(aurora.ok("grant", "show", grant),
                             r"tranches: +200 at \S+ \(paid\); 100 once 150 is spent \(waits for "
                             r"spend\); 50 on an admin's word \(waits for an admin\)\n")
            self.assertIn("it is paid", admin.ok("grant", "release", grant, "3"))
            for row in (aurora.json("grant", "show", grant), *aurora.json("grant", "list")):
                self.assertEqual([(t["state"], t["paid"], t["waits"]) for t in row["tranches"]],
                                 [("paid", True, False), ("waits_for_spend", False, False),
                                  ("paid", True, False)])
                self.assertFalse({"tranches_paid", "tranches_due"} & set(row))
            # People count tranches from 1, JSON from 0.
            self.assertRegex(fund.ok("events"), r"tranche_paid .*tranche=1 (.|\n)*"
                                                r"tranche_paid .*tranche=3 ")
            paid = [json.loads(line) for line in fund.ok("events", "--json").splitlines()]
            self.assertEqual([e["tranche"] for e in paid if e["event"] == "tranche_paid"], [0, 2])
            # An amendment that changes nothing, and a second grant of the series.
            self.assertIn("nothing would change", fund.fails(
                USAGE, "grant", "propose", "--amend", grant, "--share", "5%"))
            self.assertRegex(fund.fails(
                REFUSED, "grant", "propose", "--startup", "beta", "--series", "aurora-1", "--share",
                "5%", "--cap", "2", "--term", "3", "--tranche", "1@start"),
                r"contract_overlaps.*has that series")
            self.assertRegex(admin.fails(REFUSED, "grant", "release", grant, "1"),
                             r"tranche_paid\)\. Tranche 1 is 200 at \S+ \(paid\)\.")
            self.assertRegex(admin.fails(REFUSED, "grant", "release", grant, "2"),
                             r"tranche_not_found\)\. Tranche 2 is 100 once 150 is spent \(waits for "
                             r"spend\)\.")
            self.assertIn("It has 3 tranches;", admin.fails(REFUSED, "grant", "release", grant, "4"))
            self.assertIn("--term is a number of calendar months from 1 to 600", fund.fails(
                USAGE, "grant", "propose", "--startup", "beta", "--series", "aurora-1", "--share",
                "5%", "--cap", "2", "--term", "0", "--tranche", "1@start"))
            # What is listed of another kind of contract is none of a grant's.
            for command in ("backstop statement", "revshare shares"):
                self.assertIn(f"contract {grant} is a grant; 'bourse grant show {grant}' is about it",
                              fund.fails(REFUSED, *command.split(), grant))

            month = month_of(begin_s)
            self.assertIn(f"{month} is not over yet",
                          aurora.fails(REFUSED, "revenue", "declare", month, "sales=1000"))
            self.assertIn("'sales' is given twice", aurora.fails(
                USAGE, "revenue", "declare", month, "sales=1", "sales=4"))
            self.assertIn("no month is over", fund("royalty", "list").stderr)
            self.assertIn("of the startups with a grant", fund("revenue", "list").stderr)
            x.advance(to_s=month_end_s(begin_s))
            books = aurora.home / "books.csv"
            books.write_bytes(b"sales,1000\n" * 20000)
            aurora.ok("revenue", "declare", month, "sales=1000", "subsidies=300",
                      "--evidence", books)
            declared, = fund.json("revenue", "list", "--account", "aurora")
            self.assertEqual(bytes.fromhex(declared["evidence"]),
                             hashlib.sha256(books.read_bytes()).digest())
            self.assertEqual([(s["name"], s["amount_ucr"]) for s in declared["streams"]],
                             [("sales", 1000 * CREDIT), ("subsidies", 300 * CREDIT)])
            self.assertRegex(aurora.ok("revenue", "list"), month + r" +sales:1000,subsidies:300 ")
            for user in (admin, fund):
                self.assertRegex(user.ok("revenue", "list"), r"aurora +" + month)
                self.assertEqual(len(user.json("revenue", "list")), 1)

            self.assertIn("20 are due", aurora.ok("royalty", "pay", grant, "30"))
            aurora.fails(REFUSED, "royalty", "pay", grant, "20.000001")
            self.assertIn("0 are due", fund.ok("royalty", "record", grant, "20", "--reference",
                                               "wire 7"))
            row, = fund.json("grant", "list")
            self.assertEqual((row["paid_ucr"], row["recorded_ucr"], row["due_ucr"]),
                             (30 * CREDIT, 20 * CREDIT, 0))
            self.assertEqual(fund.json("balance")[0]["balance_ucr"], 30 * CREDIT)
            for user in (admin, fund, aurora):
                text = user.ok("royalty", "list", grant, "--payments")
                self.assertRegex(text, rf"1 +aurora +{month} +sales:1000,subsidies:300 +300 +1000 "
                                       r"+5\.00% +50 +50 +50 +0 +\S+ +no\n")
                self.assertRegex(text, r"credits +30 +20 +- ")
                self.assertRegex(text, r"outside +20 +0 +wire 7 ")
                self.assertIn("royalty of 50 in all, capped at 375; 30 paid in credits, 20 outside, "
                              "0 due", text)
                self.assertNotIn("wire 7", user.ok("royalty", "list", grant))
            listed = aurora.json("royalty", "list")
            self.assertEqual([(m["royalty_ucr"], m["settled_ucr"], m["late"])
                              for m in listed["months"]], [(50 * CREDIT, 50 * CREDIT, False)])
            self.assertEqual([(g["contract"], g["paid_ucr"], g["recorded_ucr"], g["due_ucr"])
                              for g in listed["grants"]], [(grant, 30 * CREDIT, 20 * CREDIT, 0)])
            self.assertNotIn("payments", listed)
            listed = aurora.json("royalty", "list", "--payments")
            self.assertEqual([p["reference"] for p in listed["payments"]], ["", "wire 7"])
            beta.fails(REFUSED, "royalty", "list", grant)
            self.assertRegex(fund.ok("grant", "list"), r"in_force +fund +aurora")

            # An amendment keeps what is not named, and is seen before it is accepted.
            self.assertEqual(fund.json("grant", "propose", "--amend", grant, "--share", "4%",
                                       "--no-carve-out")["contract"], grant)
            self.assertEqual(aurora.json("grant", "show", grant)["share_bp"], 500)
            row = aurora.json("grant", "show", grant, "2")
            self.assertEqual((row["share_bp"], row["cap_bp"], len(row["tranches"]),
                              row["carve_outs"]), (400, 15000, 3, []))
            self.assertEqual((row["version"], row["version_in_force"]), (2, 1))
            aurora.ok("grant", "decline", grant)
            aurora.fails(REFUSED, "grant", "accept", grant)

            # A month that is over counts by the terms of then.
            fund.ok("grant", "propose", "--amend", grant, "--share", "4%", "--no-carve-out")
            self.assertIn("4.00%", aurora.ok("grant", "accept", grant))
            # Of terms that others took the place of nothing is paid, due or waited for.
            old = aurora.ok("grant", "show", grant, "1")
            self.assertRegex(old, r"tranches: +200 at \S+; 100 once 150 is spent; 50 on an admin's "
                                  r"word\n")
            self.assertIn("those of version 3 are", old)
            self.assertEqual(self.states(aurora, grant, "1"), ["not_in_force"] * 3)
            self.assertEqual(self.states(aurora, grant)[0], "paid")
            self.assertRegex(fund.ok("royalty", "list"), r"300 +1000 +5\.00% +50 +50 +50 ")
            aurora.ok("revenue", "declare", month, "sales=1000")
            self.assertRegex(aurora.ok("revenue", "list"), r"sales:1000 +2 +\S+ +-\n")
            x.check()

    def states(self, user, grant, *version):
        return [t["state"] for t in user.json("grant", "show", grant, *version)["tranches"]]

    def test_what_becomes_of_tranches(self):
        """each says what it waits for, or that nothing can pay it any more; a month declared anew
        after all is paid is marked"""
        with Exchange() as x:
            admin, fund, aurora, _ = self.people(x)
            x.advance(to_s=month_end_s(x.now_s()) + 86400)
            month = month_of(x.now_s())
            start = moment(x.now_s() + 3600)
            later = moment(month_end_s(x.now_s()) + 40 * 86400)
            grant = fund.json(
                "grant", "propose", "--startup", "aurora", "--series", "aurora-1", "--share", "5%",
                "--cap", "1.5", "--term", "4", "--declare-days", "10", "--start", start,
                "--tranche", "100@start", "--tranche", "200@start", "--tranche", f"50@{later}",
                "--tranche", "40@spent:90", "--tranche", "30@admin")["contract"]
            self.assertEqual(self.states(fund, grant), ["proposed"] * 5)
            self.assertNotIn("(", re.search("tranches: .*", fund.ok("grant", "show", grant))[0])
            aurora.ok("grant", "accept", grant)
            self.assertEqual(self.states(fund, grant), ["due_on_date", "due_on_date", "due_on_date",
                                                        "waits_for_spend", "waits_for_start"])
            fund.ok("contract", "fund", grant, "150", "--series", "aurora-1")
            x.advance(3600)
            self.assertEqual(self.states(fund, grant), ["paid", "waits_for_funds", "due_on_date",
                                                        "waits_for_spend", "waits_for_admin"])
            fund.ok("grant", "propose", "--amend", grant, "--share", "4%")
            self.assertEqual(self.states(fund, grant, "2")[0::2], ["paid", "proposed", "proposed"])
            aurora.ok("grant", "decline", grant)

            x.advance(to_s=month_end_s(x.now_s()) + 11 * 86400)
            self.assertEqual(self.states(aurora, grant), ["paid", "frozen", "due_on_date",
                                                          "waits_for_spend", "waits_for_admin"])
            self.assertRegex(aurora.ok("grant", "show", grant),
                             r"\(paid\); 200 at \S+ \(frozen: a declaration is late\); "
                             r"50 at \S+ \(due then\); 40 once")
            aurora.ok("revenue", "declare", month, "sales=2000")
            fund.ok("royalty", "record", grant, "100", "--reference", "wire 1")
            for _ in range(3):
                x.advance(to_s=month_end_s(x.now_s()))
            self.assertEqual(fund.json("grant", "show", grant)["state"], "in_force")
            self.assertEqual(self.states(fund, grant), ["paid"] + ["lapsed"] * 4)
            aurora.ok("revenue", "declare", month, "sales=3000")
            fund.ok("royalty", "record", grant, "50", "--reference", "wire 2")
            self.assertEqual(fund.json("grant", "show", grant)["state"], "completed")
            self.assertEqual(self.states(fund, grant), ["paid"] + ["lapsed"] * 4)
            self.assertRegex(fund.ok("grant", "show", grant), r"word \(lapsed\)")

            self.assertNotIn("AMENDED", fund.ok("royalty", "list"))
            self.assertIn("AMENDED in", fund.ok("revenue", "list", "--account", "aurora"))
            x.advance(3600)
            aurora.ok("revenue", "declare", month, "sales=1000")
            text = fund.ok("royalty", "list")
            self.assertRegex(text, rf"LATE +AMENDED\n +\d+ +aurora +{month} +sales:1000 .* no +yes\n")
            self.assertIn("AMENDED: declared anew after the grant was over", text)
            self.assertEqual([m["amended"] for m in fund.json("royalty", "list")["months"]][:2],
                             [True, False])

    def test_a_series_that_expires(self):
        """nothing pays a tranche in credits that are worth nothing"""
        with Exchange() as x:
            admin, fund, aurora, _ = self.people(x)
            admin.ok("series", "create", "short", "--funder", "fund", "--expires", "+5d")
            grant = fund.json(
                "grant", "propose", "--startup", "aurora", "--series", "short", "--share", "5%",
                "--cap", "1.5", "--term", "4", "--tranche", "100@start", "--tranche", "100@+6d",
                "--tranche", "5@admin")["contract"]
            aurora.ok("grant", "accept", grant)
            self.assertEqual(self.states(fund, grant),
                             ["waits_for_funds", "lapsed", "waits_for_admin"])
            x.advance(5 * 86400)
            self.assertEqual(self.states(fund, grant), ["lapsed"] * 3)

    def test_what_is_typed(self):
        """errors say what to type"""
        with Exchange() as x:
            _, fund, aurora, _ = self.people(x)
            terms = ("grant", "propose", "--startup", "aurora", "--series", "aurora-1", "--cap",
                     "1.5", "--term", "24")
            self.assertIn("--tranche", fund.fails(USAGE, *terms, "--share", "5%"))
            self.assertIn("AMOUNT@", fund.fails(USAGE, *terms, "--share", "5%", "--tranche", "9"))
            self.assertIn("basis points", fund.fails(USAGE, *terms, "--share", "5.001%",
                                                     "--tranche", "9@start"))
            self.assertIn("waits for nothing", fund.fails(USAGE, *terms, "--share", "5%",
                                                          "--tranche", "9@spent:0"))
            self.assertRegex(fund.fails(USAGE, *terms, "--share", "5%", "--start", "2040-01-20",
                                        "--tranche", "9@2042-01-01"),
                             "2042-01-01T00:00:00Z is not within the term, which is from "
                             "2040-01-20T00:00:00Z to 2042-01-01T00:00:00Z")
            for kind, fixed in (("grant", "startup"), ("backstop", "site"),
                                ("revshare", "beneficiary"), ("guarantee", "operator")):
                self.assertIn(f"--{fixed} stays as it is in an amendment",
                              fund.fails(USAGE, kind, "propose", "--amend", "1", f"--{fixed}",
                                         "beta"))
            self.assertIn("2027-01", aurora.fails(USAGE, "revenue", "declare", "January"))
            self.assertIn("STREAM=AMOUNT", aurora.fails(USAGE, "revenue", "declare", "2027-01",
                                                        "sales"))
            self.assertIn("cannot read", aurora.fails(5, "revenue", "declare", "2027-01", "s=1",
                                                      "--evidence", "nowhere.pdf"))
            self.assertIn("--reference", fund.fails(USAGE, "royalty", "record", "1", "5"))
            self.assertIn("no grants", aurora("grant", "list").stderr)


if __name__ == "__main__":
    tap.main()
