"""Dual control through the commands: an exchange with a policy, three admins and a treasurer, who mint,
pay out, change the policy and make admins only together."""
import unittest

import tap
from exchange import CREDIT, Exchange
from keys import Keys
from user import REFUSED, USAGE, User, registered

POLICY = ("--approvals", "2", "--mint-limit", "1000", "--payout-limit", "50.5",
          "--co-admin", "bea=" + Keys.named("bea").text())


def staff(x):
    """The two admins that the exchange begins with, a treasurer and a guarantor."""
    users = registered(x, {"cash": "treasurer", "bank": "guarantor", "guard": "guarantor",
                           "gridco": "operator"})
    users["bea"] = User(x, "bea")
    users["admin"].ok("series", "create", "spring", "--funder", "guard")
    return users


def earn(users, credits):
    """The bank earns so much: the guarantor pays under a lease guarantee."""
    users["gridco"].ok("site", "add", "batam", "--region", "ID", "--power-kw", "1000")
    users["gridco"].ok("guarantee", "propose", "--guarantor", "guard", "--beneficiary", "bank",
                       "--site", "batam", "--limit", "1000", "--end", "+30d")
    users["guard"].ok("guarantee", "accept", "1", "1")
    users["guard"].ok("contract", "fund", "1", credits)
    users["bank"].ok("guarantee", "call", "1", credits, "--reference", "rent")


class Control(unittest.TestCase):
    def test_the_policy_of_a_new_exchange(self):
        """all admins are accounts from the beginning, and nobody makes one alone; the limits stand"""
        with Exchange(init_options=POLICY) as x:
            admin, bea, cem = User(x, "admin"), User(x, "bea"), User(x, "cem")
            self.assertEqual(admin.json("control", "policy"),
                             {"approvals": 2, "mint_limit_ucr": 1000 * CREDIT,
                              "payout_limit_ucr": 50_500_000, "admins": 2})
            self.assertIn("2 of 2 admins", bea.ok("control", "policy"))
            self.assertEqual([(a["account"], a["name"], a["role"]) for a in
                              bea.json("account", "list")],
                             [(1, "admin", "admin"), (2, "bea", "admin")])
            self.assertIn("approval_needed", admin.fails(
                REFUSED, "account", "register", "cem", cem.ok("keygen", "--show").strip(),
                "--role", "admin"))
            self.assertRegex(admin.ok("events", "--limit", "2"),
                             r"(?s)genesis.*account_registered.*bea")
            x.restart()
            x.stop()
            x.check()

    def test_minting_above_the_limit(self):
        """refused, proposed, listed, shown, approved; and proposals that end otherwise"""
        with Exchange(init_options=POLICY) as x:
            users = staff(x)
            admin, bea, cash = (users[n] for n in ("admin", "bea", "cash"))
            admin.ok("mint", "spring", "guard=600")
            message = bea.fails(REFUSED, "mint", "spring", "guard=400.000001")
            self.assertIn("approval_needed", message)
            self.assertIn("bourse control", message)
            self.assertIn("nothing waits", bea("control", "list").stderr)
            made = bea.ok("control", "propose-mint", "spring", "guard=5000", "bank=20")
            self.assertIn("1 of 2 admins", made)
            self.assertIn("bourse control approve 1", made)
            row = cash.json("control", "show", "1")
            self.assertEqual((row["kind"], row["state"], row["amount_ucr"], row["needed"]),
                             ("mint", "open", 5020 * CREDIT, 2))
            self.assertIn("5020", cash.ok("control", "list"))
            self.assertRegex(cash.ok("control", "list"),
                             r"PROPOSER +APPROVALS +APPROVED-BY (.|\n)* bea +1 of 2 +bea ")
            text = cash.ok("control", "show", "1")
            self.assertRegex(text, r"series: +spring\n(.|\n)*amount: +5020\n")
            self.assertNotRegex(text, r"key|policy|limit")
            self.assertIn("not_visible", users["gridco"].fails(REFUSED, "control", "list"))
            self.assertIn("already_approved", bea.fails(REFUSED, "control", "approve", "1"))
            self.assertIn("not_permitted", cash.fails(REFUSED, "control", "approve", "1"))
            self.assertIn("it is done", admin.ok("control", "approve", "1"))
            self.assertEqual(admin.json("supply", "spring")[0]["minted_ucr"], 5620 * CREDIT)
            self.assertIn("proposal_closed", admin.fails(REFUSED, "control", "approve", "1"))
            self.assertIn("no such proposal", admin.fails(REFUSED, "control", "show", "9"))
            self.assertIn("proposal_not_found", admin.fails(REFUSED, "control", "approve", "9"))

            outputs = [f"guard={n}" for n in range(1, 18)]
            self.assertIn("at most 16",
                          bea.fails(USAGE, "control", "propose-mint", "spring", *outputs))
            made = bea.json("control", "propose-mint", "spring", *outputs[:16])
            self.assertEqual(made["proposal"], 2)
            self.assertIn("closed proposal 2",
                          admin.ok("control", "reject", "2", "--reason", "too much"))
            bea.ok("control", "propose-mint", "spring", "guard=7")
            x.advance(7 * 24 * 3600)
            self.assertEqual(bea.json("control", "list"), [])
            rows = bea.json("control", "list", "--all")
            self.assertEqual([row["state"] for row in rows], ["done", "rejected", "expired"])

    def test_a_treasurer_pays_out(self):
        """below the limit alone, above it with two admins; it holds no tokens"""
        with Exchange(init_options=POLICY) as x:
            users = staff(x)
            admin, bea, cash, bank = (users[n] for n in ("admin", "bea", "cash", "bank"))
            admin.ok("mint", "spring", "guard=1000")
            self.assertIn("role_not_allowed", admin.fails(
                REFUSED, "control", "propose-mint", "spring", "cash=1"))
            earn(users, "200")
            self.assertEqual(cash.json("balance", "bank")[0]["balance_ucr"], 200 * CREDIT)
            paid = ("payout", "spring", "50", "--account", "bank", "--reference", "wire 1")
            self.assertIn("for bank against wire 1", cash.ok(*paid))
            self.assertIn("approval_needed", cash.fails(REFUSED, *paid))
            self.assertIn("not_permitted", admin.fails(REFUSED, *paid))
            # The account's own payouts count with the treasurer's.
            self.assertIn("approval_needed", bank.fails(
                REFUSED, "payout", "spring", "0.500001", "--reference", "own"))
            bank.ok("payout", "spring", "0.5", "--reference", "own")

            self.assertIn("--reference", cash.fails(
                USAGE, "control", "propose-payout", "spring", "bank", "100"))
            made = cash.ok("control", "propose-payout", "spring", "bank", "100", "--reference",
                           "wire 2")
            self.assertIn("0 of 2 admins", made)
            self.assertRegex(cash.ok("control", "list"), r" cash +0 of 2 +- ")
            self.assertIn("1 of 2 admins", admin.ok("control", "approve", "1"))
            self.assertEqual(cash.json("balance", "bank")[0]["paid_out_ucr"], 50_500_000)
            self.assertIn("it is done", bea.ok("control", "approve", "1"))
            self.assertEqual(cash.json("balance", "bank")[0]["paid_out_ucr"], 150_500_000)
            self.assertIn("wire 2", cash.ok("control", "list", "--all", "--json"))
            cash.ok("control", "propose-payout", "spring", "bank", "1", "--reference", "wire 3")
            self.assertIn("closed", cash.ok("control", "reject", "2"))

    def test_policy_and_admins(self):
        """both are changed by two of them; the books check, and replay to the same state"""
        with Exchange(init_options=POLICY) as x:
            users = staff(x)
            admin, bea = users["admin"], users["bea"]
            cem = User(x, "cem")
            key = cem.ok("keygen", "--show").strip()
            self.assertIn("approval_needed", admin.fails(
                REFUSED, "account", "register", "cem", key, "--role", "admin"))
            self.assertIn("--unfreeze", admin.fails(USAGE, "control", "propose-admin", "cem"))
            self.assertIn("bourse-key", admin.fails(USAGE, "control", "propose-admin", "cem", "x"))
            self.assertRegex(admin.fails(REFUSED, "account", "freeze", "bea"),
                             r"terms_invalid.*Fewer admins would be left")
            admin.ok("control", "propose-admin", "cem", key)
            self.assertIn("it is done", bea.ok("control", "approve", "1"))
            self.assertEqual(cem.json("account", "show")["role"], "admin")

            cem.ok("account", "freeze", "admin")
            self.assertIn("approval_needed", cem.fails(REFUSED, "account", "unfreeze", "admin"))
            cem.ok("control", "propose-admin", "--unfreeze", "admin")
            bea.ok("control", "approve", "2")
            self.assertEqual(admin.json("account", "show")["state"], "active")

            self.assertIn("--approvals", bea.fails(USAGE, "control", "propose-policy"))
            self.assertIn("3 active admins", bea.fails(
                REFUSED, "control", "propose-policy", "--approvals", "4"))
            self.assertIn("1 to 16", bea.fails(
                USAGE, "control", "propose-policy", "--approvals", "17"))
            bea.ok("control", "propose-policy", "--approvals", "3", "--payout-limit", "0")
            text = cem.ok("control", "show", "3")
            self.assertRegex(text, r"policy approvals: +3\n")
            self.assertNotRegex(text, r"key|series")
            self.assertRegex(cem.ok("control", "list"),
                             r"3 +policy +open +bea +1 of 2 +bea +- +- +- +- +3 approvals, mint "
                             r"limit 1000, payout limit none ")
            self.assertIn("it is done", cem.ok("control", "approve", "3"))
            self.assertEqual(admin.json("control", "policy"),
                             {"approvals": 3, "mint_limit_ucr": 1000 * CREDIT,
                              "payout_limit_ucr": 0, "admins": 3})

            # What was proposed before the policy was changed needs what it asks for now.
            bea.ok("control", "propose-policy", "--approvals", "1")
            bea.ok("control", "propose-policy", "--approvals", "2")
            self.assertRegex(cem.ok("control", "list"), r" 4 +policy .* 1 of 3 (.|\n)* 1 of 3 ")
            cem.ok("control", "approve", "5")
            admin.ok("control", "approve", "5")
            self.assertRegex(cem.ok("control", "list"), r" 4 +policy .* 1 of 2 +bea ")
            bea.ok("control", "propose-policy", "--approvals", "3")
            cem.ok("account", "freeze", "bea")
            self.assertRegex(cem.ok("control", "list"), r" 4 +policy .* 0 of 2 +- ")
            self.assertEqual([(p["needed"], len(p["approvals"])) for p in
                              cem.json("control", "list", "--all")][-3:-1], [(2, 0), (3, 3)])
            admin.ok("control", "approve", "6")
            self.assertRegex(cem.fails(REFUSED, "control", "approve", "6"),
                             r"terms_invalid\)\. Its policy takes more approvals than there are "
                             r"active admins")
            x.stop()
            x.check()


if __name__ == "__main__":
    tap.main()
