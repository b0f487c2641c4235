"""Contracts through the command `bourse`: proposed, accepted, funded, called; tables, JSON, and
errors that say what to do."""
import unittest

import tap
from exchange import CREDIT, Exchange
from test_cli import REFUSED, USAGE, User


def parties(x):
    """An admin, a guarantor, an operator with a site, and a bank; the first two hold credits."""
    users = {"admin": User(x, "admin")}
    for name, role in (("guard", "guarantor"), ("gridco", "operator"), ("bank", "guarantor")):
        users[name] = User(x, name)
        users["admin"].ok("account", "register", name,
                          users[name].ok("keygen", "--show").strip(), "--role", role)
    users["gridco"].ok("site", "add", "batam", "--region", "ID", "--power-kw", "1000")
    users["admin"].ok("series", "create", "spring", "--funder", "guard")
    users["admin"].ok("mint", "spring", "guard=1000", "gridco=50.5")
    return users


class Contracts(unittest.TestCase):
    def test_a_lease_guarantee(self):
        """proposed, amended, accepted, funded, called, stepped in, withdrawn"""
        with Exchange() as x:
            users = parties(x)
            guard, gridco, bank = (users[n] for n in ("guard", "gridco", "bank"))
            terms = ("--beneficiary", "bank", "--site", "batam", "--limit", "100", "--end", "+30d")
            self.assertIn("--operator", guard.fails(USAGE, "guarantee", "propose", *terms))
            self.assertIn("--site, --limit, --end are missing", guard.fails(
                USAGE, "guarantee", "propose", "--operator", "gridco", "--beneficiary", "bank"))
            self.assertIn("(required)", guard.ok("guarantee", "propose", "--help"))
            self.assertIn("guard is named as guarantor and as beneficiary", guard.fails(
                USAGE, "guarantee", "propose", "--operator", "gridco", "--beneficiary", "guard",
                "--site", "batam", "--limit", "100", "--end", "+30d"))
            self.assertIn("neither yes nor no", guard.fails(
                USAGE, "guarantee", "propose", "--operator", "gridco", *terms, "--step-in", "2"))
            made = guard.ok("guarantee", "propose", "--operator", "gridco", *terms, "--escrow", "10")
            self.assertIn("bourse guarantee accept 1", made)
            row = bank.json("guarantee", "show", "1")
            self.assertEqual((row["limit_ucr"], row["escrow_ucr"], row["step_in"], row["state"]),
                             (100 * CREDIT, 10 * CREDIT, True, "proposed"))
            self.assertIn("contract_own_proposal", guard.fails(REFUSED, "contract", "accept", "1"))
            self.assertIn("contract_no_proposal",
                          gridco.fails(REFUSED, "guarantee", "accept", "1", "2"))
            self.assertIn("is a lease guarantee", gridco.fails(REFUSED, "backstop", "accept", "1", "1"))
            signed = gridco.ok("guarantee", "accept", "1", "1")
            self.assertRegex(signed, r"limit: +100\n(.|\n)*escrow: +10\n(.|\n)*in force")
            self.assertIn("escrow 10 credits are not in the fund", signed)
            self.assertIn("escrow of 10 there is 0", bank.ok("guarantee", "show", "1"))
            self.assertIn("no terms are proposed", gridco.fails(REFUSED, "contract", "accept", "1"))

            # An amendment begins with the terms that stand.
            self.assertIn("--site", gridco.fails(USAGE, "guarantee", "propose", "--amend", "1",
                                                 "--site", "batam"))
            self.assertIn("'bourse guarantee accept 1 2'", gridco.ok(
                "guarantee", "propose", "--amend", "1", "--limit", "120"))
            self.assertEqual(guard.json("contract", "show", "1")["pending"], 2)
            self.assertIn("bourse guarantee show 1 2", guard.ok("contract", "show", "1"))
            self.assertEqual(guard.json("guarantee", "show", "1")["limit_ucr"], 100 * CREDIT)
            row = guard.json("guarantee", "show", "1", "2")
            self.assertEqual((row["limit_ucr"], row["escrow_ucr"]), (120 * CREDIT, 10 * CREDIT))
            self.assertEqual(guard.json("contract", "accept", "1")["escrow_missing_ucr"], 10 * CREDIT)
            gridco.ok("guarantee", "propose", "--amend", "1", "--step-in", "no")
            self.assertIn("no more", guard.ok("guarantee", "decline", "1"))

            # The fund, to the micro-credit; a call that takes more than there is.
            self.assertIn("AMOUNT", gridco.fails(USAGE, "contract", "fund", "1"))
            self.assertIn("10.25 credits in its fund", gridco.ok("contract", "fund", "1", "10.25"))
            self.assertIn("funds_kept", gridco.fails(REFUSED, "contract", "withdraw", "1", "1"))
            self.assertIn("token", gridco.ok("contract", "withdraw", "1", "0.25"))
            self.assertIn("'-5' is not an amount", bank.fails(
                USAGE, "guarantee", "call", "1", "-5", "--reference", "rent"))
            self.assertIn("--reference", bank.fails(USAGE, "guarantee", "call", "1", "5"))
            bank.ok("guarantee", "call", "1", "60", "--reference", "rent, March")
            claim, = guard.json("claim", "list")
            self.assertEqual((claim["left_ucr"], claim["age_s"]), (50 * CREDIT, 0))
            self.assertIn("gridco", gridco.ok("guarantee", "list"))
            self.assertIn("of the guarantor's 50 it has paid 0; 50 is still owed",
                          guard.ok("guarantee", "show", "1"))
            self.assertEqual(gridco.json("claim", "list"), [])
            self.assertEqual(len(gridco.json("claim", "list", "--contract", "1")), 1)
            self.assertIn("nothing_to_recover", guard.fails(REFUSED, "guarantee", "step-in", "1"))
            guard.ok("contract", "fund", "1", "80")
            self.assertEqual(guard.json("claim", "list")[0]["left_ucr"], 0)
            self.assertIn("what the site earns", guard.ok("guarantee", "step-in", "1"))
            self.assertEqual(bank.json("balance")[0]["balance_ucr"], 60 * CREDIT)

            # Listed by kind and by account; nobody else's.
            parties_line = "guarantor guard, operator gridco, beneficiary bank"
            self.assertRegex(users["admin"].ok("contract", "list"),
                             "lease_guarantee .* " + parties_line)
            self.assertIn(parties_line, guard.ok("contract", "show", "1"))
            self.assertEqual(guard.json("contract", "list", "--kind", "backstop"), [])
            self.assertEqual(len(guard.json("contract", "list", "--kind", "lease_guarantee")), 1)
            guard.fails(REFUSED, "contract", "list", "--account", "gridco")
            self.assertIn("no such contract", guard.fails(REFUSED, "contract", "show", "9"))
            x.stop()
            x.check()


if __name__ == "__main__":
    tap.main()
