"""Revenue shares and flows through the command `bourse`: proposed, amended, deducted from what
leases settle; tables, JSON, and errors that say what to do."""
import re
import unittest

import tap
from exchange import CREDIT, Exchange
from user import REFUSED, USAGE, User, registered


def parties(x):
    """An admin, an operator with a site, a lender, and a startup with credits."""
    users = registered(x, {"lender": "guarantor", "gridco": "operator", "acme": "startup"})
    users["admin"].ok("sku", "add", "h100", "--vendor", "NVIDIA", "--model", "H100", "--memory-gb",
                      "80", "--power-w", "700")
    users["gridco"].ok("site", "add", "batam", "--region", "ID", "--power-kw", "1000")
    users["admin"].ok("series", "create", "spring", "--funder", "lender")
    users["admin"].ok("mint", "spring", "acme=1000")
    users["gridco"].ok("offer", "publish", "--site", "batam", "--sku", "h100", "--gpus", "8",
                       "--for", "30d", "--price", "10", "--meter-period", "1h")
    return users


class Revshare(unittest.TestCase):
    def settle(self, users, minutes):
        """An hour of 8 GPUs, of which so many GPU-minutes were delivered."""
        lease, = users["acme"].json("order", "place", "--sku", "h100=10", "--gpus", "8",
                                    "--duration", "1h")["leases"]
        users["gridco"].ok("lease", "activate", lease, "--no-access")
        users["admin"].ok("clock", "advance", "+1h")
        users["gridco"].ok("lease", "meter", lease, "0", minutes)
        users["admin"].ok("clock", "advance", "+2d")

    def test_a_share(self):
        """proposed, accepted, shared over a milestone, amended, listed by settlement and month"""
        with Exchange() as x:
            users = parties(x)
            lender, gridco = users["lender"], users["gridco"]
            propose = ("revshare", "propose", "--operator", "gridco")
            self.assertIn("--phase", lender.fails(USAGE, *propose))
            self.assertIn("with whom", lender.fails(USAGE, "revshare", "propose", "--phase", "5%"))
            self.assertIn("below the one before", lender.fails(
                USAGE, *propose, "--phase", "5%:0:10", "--phase", "5%"))
            self.assertIn("RATE:UTILISATION:CASH", lender.fails(
                USAGE, *propose, "--phase", "5%:70%", "--phase", "4%"))
            self.assertIn("the last phase has no end", lender.fails(
                USAGE, *propose, "--phase", "5%:0:10"))
            self.assertIn("basis points", lender.fails(USAGE, *propose, "--phase", "5.125%"))
            self.assertIn("must not fall", lender.fails(
                USAGE, *propose, "--phase", "20%:0:9,10%:50%:8", "--phase", "5%"))
            self.assertIn("leads to the next", lender.fails(
                USAGE, *propose, "--phase", "20%:0:0", "--phase", "5%"))
            self.assertIn("percentage", lender.fails(USAGE, *propose, "--phase", "much"))
            self.assertIn("above_floor", lender.fails(USAGE, *propose, "--phase", "5%", "--base",
                                                      "gross", "--floor", "3"))
            self.assertIn("neither yes nor no", lender.fails(USAGE, *propose, "--phase", "5%",
                                                             "--latching", "2"))
            self.assertIn("no revenue shares", lender("revshare", "list").stderr)
            made = lender.ok(*propose, "--site", "batam", "--phase", "20%:0:50,12.25%:70%:500",
                             "--phase", "5%", "--window", "7")
            self.assertIn("bourse revshare accept 1", made)
            row = gridco.json("revshare", "show", "1")
            self.assertEqual((row["version"], row["pending"], row["cash_left_ucr"]),
                             (1, 1, 50 * CREDIT))
            self.assertRegex(gridco.ok("revshare", "list"), r"1 +proposed +1 (.*) 50\n")
            self.assertEqual([p["rate_bp"] for p in row["phases"]], [2000, 1225, 500])
            self.assertEqual((row["state"], row["window_days"], row["latching"], row["base"]),
                             ("proposed", 7, True, "gross"))
            self.assertIn("in force", gridco.ok("revshare", "accept", "1", "1"))

            self.settle(users, 480)  # 80 credits: 50 at 20 %, 30 at 12.25 %
            row = gridco.json("revshare", "show", "1")
            self.assertEqual((row["phase"], row["share_ucr"], row["cash_left_ucr"]),
                             (1, 13_675_000, 420 * CREDIT))
            text = gridco.ok("revshare", "show", "1")
            self.assertIn("phase 2 of 3, at 12.25%: the next one takes 420 credits more "
                          "of revenue and a utilisation of 70.00% (to come)", text)
            self.assertRegex(text, r"\nutilisation: - \(measured over 7 days, for the first time "
                                   r"at [-0-9]+T00:00:00Z\)\n$")
            self.assertEqual((row["utilisation_now_ppm"], row["utilisation_s"]), (0, None))
            self.assertIn(row["utilisation_from_s"], text)
            self.assertIn("20.00% until 50 of cash, then 12.25% until 500 of cash and 70.00% sold, "
                          "then 5.00%", text)
            self.assertNotRegex(text, r"phase: |cash left|reached: ")
            share, = gridco.json("revshare", "shares", "1")
            self.assertEqual((share["gross_ucr"], share["paid_ucr"], share["phase_last"]),
                             (80 * CREDIT, 13_675_000, 1))
            self.assertRegex(gridco.ok("revshare", "shares", "1"),
                             r"OLDER-CLAIMS(.|\n)* 1 +2 +13\.675 +13\.675")
            self.assertEqual(lender.json("balance")[0]["balance_ucr"], 13_675_000)
            self.assertIn("nothing has been shared", self.other(users, "5%"))

            # An amendment begins with the terms that stand, and changes nothing that was reached.
            self.assertIn("--site", gridco.fails(USAGE, "revshare", "propose", "--amend", "1",
                                                 "--site", "batam"))
            self.assertRegex(gridco.fails(REFUSED, "revshare", "propose", "--amend", "1",
                                          "--phase", "5%"),
                             r"contract_past_fixed.*that have been passed stay")
            self.assertIn("nothing would change", gridco.fails(
                USAGE, "revshare", "propose", "--amend", "1", "--rank", "1", "--window", "7"))
            self.assertRegex(gridco.fails(
                USAGE, "revshare", "propose", "--operator", "gridco", "--beneficiary", "gridco",
                "--phase", "5%"), r"gridco is named as operator and as beneficiary")
            self.assertIn("version 2 of contract 1", gridco.ok(
                "revshare", "propose", "--amend", "1", "--floor", "60", "--base", "above_floor"))
            row = lender.json("revshare", "show", "1")
            self.assertEqual((row["version"], row["pending"], row["base"]), (1, 2, "gross"))
            row = lender.json("revshare", "show", "1", "2")
            self.assertEqual((row["version"], row["floor_ucr"], row["state"]),
                             (2, 60 * CREDIT, "proposed"))
            self.assertRegex(lender.ok("revshare", "accept", "1"), r"floor: +60\n")
            self.assertIn("those of version 2 are", lender.ok("revshare", "show", "1", "1"))
            gridco.ok("revshare", "propose", "--amend", "1", "--base", "gross")
            self.assertIn("no more", gridco.ok("revshare", "decline", "1"))
            self.assertIn("gridco", lender.ok("revshare", "list"))
            self.assertRegex(gridco.ok("revshare", "list"), r"(?s) 1 +in_force .* 420\n +2 .* -\n")
            lender.fails(REFUSED, "revshare", "list", "--account", "gridco")
            for command in ("show", "shares"):
                self.assertIn("contract list", users["acme"].fails(REFUSED, "revshare", command,
                                                                   "1"))

            # The utilisation, with the time up to which it was measured.
            users["admin"].ok("clock", "advance", "+9d")
            row = gridco.json("revshare", "show", "1")
            self.assertGreater(row["utilisation_s"], share["time_s"])
            self.assertIsNone(row["utilisation_from_s"])
            self.assertIn(f"\nutilisation: 0.00% over the 7 days until {row['utilisation_s']}\n",
                          gridco.ok("revshare", "show", "1"))
            # All fields of a contract stand in one column.
            lines = gridco.ok("contract", "show", "1").splitlines()
            self.assertEqual(len({re.match(r"[a-z ]+: +", line).end() for line in lines}), 1)

            # By month.
            lender.ok("payout", "spring", "3", "--reference", "bank 7")
            kinds = [f["kind"] for f in lender.json("flow", "list")]
            self.assertEqual(kinds, ["share", "payout"])
            self.assertRegex(lender.ok("flow", "list"),
                             r"20\d\d-\d\d +payout +lender +outside +spring +- +- +3 +0")
            self.assertIn("lease", gridco.ok("flow", "list"))
            self.assertEqual(gridco.json("flow", "list", "--from", "2100-01-01"), [])
            self.assertIn("nothing was earned",
                          gridco("flow", "list", "--until", "2000-01-01").stderr)
            lender.fails(REFUSED, "flow", "list", "--account", "gridco")
            self.assertEqual(len(users["admin"].json("flow", "list")), 3)
            x.stop()
            x.check()

    def test_claims_are_paid_of_what_is_not_pledged(self):
        """without an amount as much as may leave; what stays owed, and why"""
        with Exchange() as x:
            users = parties(x)
            gridco, admin = users["gridco"], users["admin"]
            for name in ("bank", "guard"):
                users[name] = User(x, name)
                admin.ok("account", "register", name, users[name].ok("keygen", "--show").strip(),
                         "--role", "guarantor")
            self.settle(users, 240)  # 40 credits
            for contract, name, rate in (("1", "lender", "100%"), ("2", "bank", "50%")):
                users[name].ok("revshare", "propose", "--operator", "gridco", "--phase", rate,
                               "--rank", contract)
                gridco.ok("revshare", "accept", contract)
            self.settle(users, 240)  # all of which the first takes; the second is owed 20
            gridco.ok("guarantee", "propose", "--guarantor", "guard", "--beneficiary", "lender",
                      "--site", "batam", "--limit", "100", "--escrow", "25", "--end", "+300d")
            users["guard"].ok("guarantee", "accept", "3")
            self.assertIn("balance_pledged", gridco.fails(
                REFUSED, "claim", "pay", "2", "20", "--series", "spring"))
            self.assertRegex(gridco.ok("claim", "pay", "2"),
                             r"^paid 15 credits of spring under contract 2 \(event \d+\)\n"
                             r"5 credits still owed under it: the other 25 that you have earned "
                             r"stays for escrows of lease guarantees; see 'bourse guarantee list'"
                             r"\n$")
            self.assertEqual(gridco.json("claim", "list")[0]["left_ucr"], 5 * CREDIT)
            self.assertRegex(gridco.fails(REFUSED, "claim", "pay", "2"),
                             r"balance_pledged.*All that you have earned, 25, stays for them")
            admin.ok("mint", "spring", "gridco=7")
            gridco.ok("contract", "fund", "3", "3", "--series", "spring")
            paid, = gridco.json("claim", "pay", "2")
            self.assertEqual((paid["amount_ucr"], paid["owed_ucr"], paid["pledged_ucr"]),
                             (3 * CREDIT, 2 * CREDIT, 22 * CREDIT))
            gridco.ok("contract", "fund", "3", "4", "--series", "spring")
            paid, = gridco.json("claim", "pay", "2", "0.5", "--series", "spring")
            self.assertEqual((paid["owed_ucr"], paid["pledged_ucr"]), (1_500_000, 18 * CREDIT))
            self.assertRegex(gridco.ok("claim", "pay", "2"),
                             r"^paid 1.5 credits .*\nnothing more is owed under it\n$")
            x.stop()
            x.check()

    def other(self, users, rate):
        """What a second share says that nothing was paid under yet."""
        users["gridco"].ok("revshare", "propose", "--beneficiary", "lender", "--phase", rate,
                           "--rank", "2")
        users["lender"].ok("contract", "accept", "2")
        return users["lender"]("revshare", "shares", "2").stderr

    def test_what_a_step_takes(self):
        """credits of the revenue or of the share, a utilisation, or both: no more is said"""
        with Exchange() as x:
            users = parties(x)
            steps = (("20%:0:50", "revenue", "takes 50 credits more of revenue"),
                     ("20%:0:50", "share", "takes 50 credits more of the share"),
                     ("20%:70%:0", "revenue", "takes a utilisation of 70.00% (to come)"),
                     ("20%:70%:50", "share",
                      "takes 50 credits more of the share and a utilisation of 70.00% (to come)"))
            for rank, (phase, milestone, text) in enumerate(steps, 1):
                users["lender"].ok("revshare", "propose", "--operator", "gridco", "--phase", phase,
                                   "--phase", "5%", "--milestone", milestone, "--rank", str(rank))
                users["gridco"].ok("revshare", "accept", str(rank))
                self.assertIn(f"phase 1 of 2, at 20.00%: the next one {text}\n",
                              users["gridco"].ok("revshare", "show", str(rank)))
            for command in ("backstop statement", "royalty list"):
                self.assertIn("contract 1 is a revenue share; 'bourse revshare show 1' is about it",
                              users["gridco"].fails(REFUSED, *command.split(), "1"))


if __name__ == "__main__":
    tap.main()
