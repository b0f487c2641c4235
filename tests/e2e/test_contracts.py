"""Contracts through the command `bourse`: proposed, accepted, funded, called; tables, JSON, and
errors that say what to do."""
import json
import unittest

import tap
from exchange import CREDIT, Exchange
from user import REFUSED, USAGE, User, registered


def parties(x):
    """An admin, a guarantor, an operator with a site, and a bank; the first two hold credits."""
    users = registered(x, {"guard": "guarantor", "gridco": "operator", "bank": "guarantor"})
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
            self.assertIn("of 10 that are left of the operator's escrow 0 is in the fund", bank.ok("guarantee", "show", "1"))
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

    def test_what_is_earned_is_pledged_and_pays_claims(self):
        """an escrow that is not in the fund, called out of balances; claims paid series by series"""
        with Exchange() as x:
            users = parties(x)
            guard, gridco, bank, admin = (users[n] for n in ("guard", "gridco", "bank", "admin"))
            north = User(x, "north")
            admin.ok("account", "register", "north", north.ok("keygen", "--show").strip(),
                     "--role", "operator")
            north.ok("site", "add", "oslo", "--region", "NO", "--power-kw", "1000")
            admin.ok("series", "create", "autumn", "--funder", "guard")
            admin.ok("mint", "spring", "north=38")
            admin.ok("mint", "autumn", "north=29")

            # Earned, as the beneficiaries of other guarantees.
            for contract, to, spring, autumn in ((1, "gridco", 30, 20), (2, "guard", 8, 9)):
                north.ok("guarantee", "propose", "--guarantor", "bank", "--beneficiary", to,
                         "--site", "oslo", "--limit", "1", "--end", "+30d")
                bank.ok("guarantee", "accept", str(contract))
                north.ok("contract", "fund", str(contract), str(spring), "--series", "spring")
                north.ok("contract", "fund", str(contract), str(autumn), "--series", "autumn")
                users[to].ok("guarantee", "call", str(contract), str(spring + autumn),
                             "--reference", "pay")

            gridco.ok("guarantee", "propose", "--guarantor", "guard", "--beneficiary", "bank",
                      "--site", "batam", "--limit", "100", "--escrow", "45", "--end", "+30d")
            self.assertIn("escrow 45 credits are not in the fund", guard.ok("contract", "accept", "3"))
            refused = gridco.fails(REFUSED, "payout", "spring", "6", "--reference", "w1")
            self.assertIn("balance_pledged", refused)
            self.assertIn("'bourse guarantee list'", refused)
            gridco.ok("payout", "spring", "5", "--reference", "w1")
            self.assertRegex(gridco.ok("guarantee", "list"), r"ESCROW-MISSING +PLEDGED")
            row = bank.json("guarantee", "show", "3")
            self.assertEqual((row["escrow_missing_ucr"], row["pledged_ucr"]),
                             (45 * CREDIT, 45 * CREDIT))
            self.assertIn("0 is in the fund, 45 is missing: its earned balances stand in for "
                          "45 of that", bank.ok("guarantee", "show", "3"))
            gridco.ok("contract", "fund", "3", "10", "--series", "spring")
            gridco.ok("payout", "spring", "10", "--reference", "w2")
            bank.ok("guarantee", "call", "3", "80", "--reference", "rent")
            row = bank.json("guarantee", "show", "3")
            self.assertEqual((row["by_operator_ucr"], row["by_guarantor_ucr"], row["claims_ucr"]),
                             (45 * CREDIT, 35 * CREDIT, 35 * CREDIT))

            # The guarantor pays its claim: of one series strictly, else as far as all of them go.
            self.assertIn("0 is too little", guard.fails(USAGE, "claim", "pay", "3", "0"))
            self.assertIn("no such contract", guard.fails(REFUSED, "claim", "pay", "9"))
            self.assertIn("no_claim", guard.fails(REFUSED, "claim", "pay", "2"))
            self.assertIn("no_claim", gridco.fails(REFUSED, "claim", "pay", "3"))
            self.assertIn("insufficient_funds",
                          guard.fails(REFUSED, "claim", "pay", "3", "9", "--series", "spring"))
            paid, = guard.json("claim", "pay", "3", "2", "--series", "spring")
            self.assertEqual((paid["operation"], paid["contract"], paid["series"],
                              paid["amount_ucr"]), ("claim_pay", 3, 1, 2 * CREDIT))
            self.assertRegex(guard.ok("claim", "pay", "3"),
                             r"paid 6 credits of spring under contract 3 \(event \d+\)\n"
                             r"paid 9 credits of autumn under contract 3 \(event \d+\)\n"
                             r"15 credits in all; 18 credits still owed under it: "
                             r"you have earned no more to pay with\n")
            self.assertIn("insufficient_funds", guard.fails(REFUSED, "claim", "pay", "3"))
            self.assertEqual(guard.json("claim", "list")[0]["left_ucr"], 18 * CREDIT)

            # The first 64 of many claims by one operation, the rest by the next.
            call = {"operation": "guarantee_call", "contract": 3, "amount_ucr": CREDIT // 2,
                    "reference": "late"}
            bank.ok("submit", "-", input_text=json.dumps([call] * 66))
            admin.ok("mint", "spring", "north=70")
            north.ok("contract", "fund", "2", "70", "--series", "spring")
            guard.ok("guarantee", "call", "2", "70", "--reference", "pay")
            self.assertRegex(guard.ok("claim", "pay", "3", "500"),
                             r"^paid 49.5 credits of spring .*\npaid 1.5 credits of spring .*\n"
                             r"51 credits in all; nothing more is owed under it\n$")
            claims = guard.json("claim", "list", "--contract", "3")
            self.assertEqual([c["left_ucr"] for c in claims], [0] * 67)
            self.assertEqual({b["series"]: b["balance_ucr"] for b in guard.json("balance")},
                             {1: 19 * CREDIT})
            x.stop()
            x.check()

    def test_more_claims_than_one_payment_pays(self):
        """some at once, the rest by the exchange"""
        with Exchange() as x:
            users = parties(x)
            guard, gridco, bank = (users[n] for n in ("guard", "gridco", "bank"))
            guard.ok("guarantee", "propose", "--operator", "gridco", "--beneficiary", "bank",
                     "--site", "batam", "--limit", "200", "--end", "+30d")
            gridco.ok("guarantee", "accept", "1")
            for _ in range(66):
                bank.ok("guarantee", "call", "1", "1", "--reference", "rent")
            told = guard.ok("contract", "fund", "1", "0.5")
            self.assertIn("0 credits in its fund, 65.5 owed in claims", told)
            self.assertIn("66 claims remain until there is more in the fund", told)
            told = guard.ok("contract", "fund", "1", "70")
            # Whoever asks may find the rest paid already.
            self.assertRegex(told, r"2 claims remain; the exchange goes on paying, the oldest "
                             r"first|4.5 credits in its fund, 0 owed in claims")
            for _ in range(600):
                row = guard.json("contract", "show", "1")
                if not row["claims_open"]:
                    break
            self.assertEqual((row["claims_ucr"], row["funded_ucr"], row["paying_s"]),
                             (0, 45 * CREDIT // 10, None))
            guard.ok("contract", "withdraw", "1", "4.5")
            x.stop()
            x.check()


if __name__ == "__main__":
    tap.main()
