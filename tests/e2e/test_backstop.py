"""Backstops through the command `bourse`: proposed, amended, settled, elected; tables, JSON, and
errors that say what to do."""
import unittest

import tap
from exchange import CREDIT, Exchange, boursed
from user import REFUSED, USAGE, registered


def parties(x):
    """An admin, an operator with 10 GPUs on offer, and a guarantor with credits."""
    users = registered(x, {"guard": "guarantor", "gridco": "operator"})
    users["admin"].ok("sku", "add", "h100", "--vendor", "NVIDIA", "--model", "H100", "--memory-gb",
                      "80", "--power-w", "700")
    users["gridco"].ok("site", "add", "batam", "--region", "ID", "--power-kw", "1000")
    users["admin"].ok("series", "create", "spring", "--funder", "guard")
    users["admin"].ok("mint", "spring", "guard=1000")
    users["gridco"].ok("offer", "publish", "--site", "batam", "--sku", "h100", "--gpus", "10",
                       "--for", "30d", "--price", "2", "--meter-period", "1h")
    return users


class Backstop(unittest.TestCase):
    def test_a_backstop(self):
        """proposed, accepted, funded, settled, amended, elected, with its statement"""
        with Exchange() as x:
            users = parties(x)
            guard, gridco = users["guard"], users["gridco"]
            day_s = (x.now_s() // 86400 + 1) * 86400
            self.assertIn("no backstops", guard("backstop", "list").stderr)
            terms = ("--site", "batam", "--sku", "h100", "--gpus", "8", "--strike", "1.5",
                     "--pool", "500", "--start", f"@{day_s}", "--end",
                     f"@{day_s + 4 * 86400}", "--price-max", "2")
            self.assertIn("--operator", guard.fails(USAGE, "backstop", "propose", *terms))
            propose = ("backstop", "propose", "--operator", "gridco", *terms)
            self.assertIn("--pool, --start, --end, --price-max are missing", guard.fails(USAGE, "backstop", "propose", "--operator",
                                                "gridco", "--site", "batam", "--sku", "h100",
                                                "--gpus", "8", "--strike", "1"))
            self.assertIn("GPUS@TIME", guard.fails(USAGE, *propose, "--lot", "8"))
            self.assertIn("whole minutes", guard.fails(USAGE, *propose, "--start",
                                                       f"@{day_s + 1}"))
            self.assertIn("make --period longer", guard.fails(
                REFUSED, *propose, "--period", "1m", "--end", f"@{day_s + 200 * 86400}"))
            self.assertIn("bourse sku list", guard.fails(
                REFUSED, "report", "stress", "--generation", "none", "--density", "2"))
            self.assertIn("or 20% for 0.2", guard.fails(USAGE, "report", "stress", "--demand-down",
                                                        "0.2"))
            made = guard.ok(*propose, "--period", "12h", "--lot", f"4@@{day_s}", "--lot",
                            f"4@@{day_s + 21600}")
            self.assertIn("bourse backstop accept 1", made)
            self.assertIn("contract_own_proposal", guard.fails(REFUSED, "backstop", "accept", "1"))
            # Any other noun signs nothing, and shows nothing.
            for noun in ("guarantee", "revshare", "grant"):
                message = gridco.fails(REFUSED, noun, "accept", "1", "1")
                self.assertIn("contract 1 is a backstop; 'bourse backstop accept 1' signs it",
                              message)
                self.assertIn("is a backstop", guard.fails(REFUSED, noun, "decline", "1"))
                self.assertIn("is a backstop", guard.fails(REFUSED, noun, "show", "1"))
            signed = gridco.ok("backstop", "accept", "1", "1")
            self.assertRegex(signed, r"strike: +1\.5\n(.|\n)*in force")
            self.assertRegex(signed, r"lots: +4 from 20\S+; 4 from 20\S+\n")
            self.assertIn("period_not_found). The last period of the backstop is 7.", guard.fails(
                REFUSED, "backstop", "elect", "1", "1", "--period", "50"))
            row = gridco.json("backstop", "show", "1")
            self.assertEqual((row["gpus"], row["strike_ucr"], row["period_min"], row["state"]),
                             (8, 3 * CREDIT // 2, 720, "in_force"))
            self.assertEqual([lot["gpus"] for lot in row["lots"]], [4, 4])
            self.assertIn("no period has been settled", guard("backstop", "statement", "1").stderr)
            guard.ok("contract", "fund", "1", "50")

            # 4 GPUs for 6 hours and 8 for the next 6: 72 GPU-hours at 1.5, of which 50 are funded.
            x.advance(to_s=day_s + 43200)
            draw, = guard.json("backstop", "statement", "1")
            self.assertEqual((draw["gpu_minutes_owed"], draw["owed_ucr"], draw["paid_ucr"]),
                             (72 * 60, 108 * CREDIT, 50 * CREDIT))
            shown = gridco.ok("backstop", "statement", "1")
            self.assertIn("50 of it paid at once, 0 since, 58 open as claims", shown)
            self.assertIn("0 set aside for elections; 392 left of a pool of 500", shown)
            self.assertNotIn("not offered:", shown)
            self.assertEqual((draw["gpu_minutes_not_offered"], draw["per_gpu_hour_ucr"]),
                             (0, 3 * CREDIT // 2))

            # An amendment begins with the terms that stand.
            self.assertIn("--site", gridco.fails(USAGE, "backstop", "propose", "--amend", "1",
                                                 "--site", "batam"))
            gridco.ok("backstop", "propose", "--amend", "1", "--strike", "1")
            self.assertEqual(guard.json("backstop", "show", "1")["pending"], 2)
            row = guard.json("backstop", "show", "1", "2")
            self.assertEqual((row["strike_ucr"], row["state"]), (CREDIT, "proposed"))
            done = guard.json("backstop", "accept", "1")
            self.assertEqual((done["version"], done["kind"], done["terms"]["strike_ucr"]),
                             (2, "backstop", CREDIT))
            self.assertIn("contract_past_fixed", gridco.fails(
                REFUSED, "backstop", "propose", "--amend", "1", "--pool", "7"))

            # The next period to begin, and one that has.
            self.assertIn("period_begun", guard.fails(REFUSED, "backstop", "elect", "1", "8",
                                                      "--period", "1"))
            elected = guard.ok("backstop", "elect", "1", "9")
            self.assertIn("elected 8 of 9 GPUs for period 2 in order 1, for 96 credits", elected)
            self.assertIn("No more are covered", elected)
            lease, = guard.json("lease", "list")
            self.assertEqual((lease["gpus"], lease["cost_ucr"]), (8, 96 * CREDIT))
            self.assertTrue(lease["elected"])
            self.assertRegex(guard.ok("lease", "show", lease["lease"]), r"elected: +yes")
            gridco.ok("lease", "activate", str(lease["lease"]), "--no-access")
            self.assertEqual(guard.json("backstop", "show", "1")["elected_ucr"], 96 * CREDIT)
            x.advance(to_s=day_s + 86400 + 43200)
            draws = guard.json("backstop", "statement", "1")
            self.assertEqual([d["owed_ucr"] for d in draws], [108 * CREDIT, 96 * CREDIT, 0])
            self.assertEqual(draws[2]["gpu_minutes_elected"], 8 * 720)
            # A strike is that of a period of which nothing is owed as well.
            self.assertEqual([d["per_gpu_hour_ucr"] for d in draws],
                             [3 * CREDIT // 2, CREDIT, CREDIT])
            self.assertIn("96 set aside for elections", guard.ok("backstop", "statement", "1"))

            # Not on offer for an hour: covered, and neither sold nor owed for.
            offer, = gridco.json("offer", "list")
            gridco.ok("offer", "withdraw", offer["offer"])
            x.advance(3600)
            gridco.ok("offer", "publish", "--site", "batam", "--sku", "h100", "--gpus", "10",
                      "--for", "30d", "--price", "2", "--meter-period", "1h")
            x.advance(to_s=day_s + 2 * 86400)
            self.assertEqual(guard.json("backstop", "statement", "1")[3]["gpu_minutes_not_offered"],
                             8 * 60)
            self.assertIn("not offered: covered", guard.ok("backstop", "statement", "1"))
            self.assertIn("no such contract", guard.fails(REFUSED, "backstop", "show", "9"))
            x.stop()
            x.check()
            # What is elected is no match, and the slow matcher does not ask for one.
            done = boursed("check", "--data", x.data, "--market")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_pool_used_up(self):
        """what is counted once the pool is used up, and that nothing is owed for it"""
        with Exchange() as x:
            users = parties(x)
            guard, gridco = users["guard"], users["gridco"]
            day_s = (x.now_s() // 86400 + 1) * 86400
            guard.ok("backstop", "propose", "--operator", "gridco", "--site", "batam", "--sku",
                     "h100", "--gpus", "8", "--strike", "1", "--pool", "120", "--start",
                     f"@{day_s}", "--end", f"@{day_s + 2 * 86400}", "--period", "12h",
                     "--price-max", "2")
            gridco.ok("backstop", "accept", "1", "1")
            x.advance(to_s=day_s + 43200)
            self.assertNotIn("pool is used up", guard.ok("backstop", "statement", "1"))
            self.assertIn("pool_exhausted). 24 credits are left of it; 8 GPUs for a whole period "
                          "would take 96 at the strike.", guard.fails(
                              REFUSED, "backstop", "elect", "1", "8", "--period", "2"))
            x.advance(to_s=day_s + 3 * 43200)
            draws = guard.json("backstop", "statement", "1")
            self.assertEqual([(d["gpu_minutes_owed"], d["owed_ucr"]) for d in draws],
                             [(5760, 96 * CREDIT), (5760, 24 * CREDIT), (5760, 0)])
            self.assertIn("counted also once the pool is used up",
                          guard.ok("backstop", "statement", "1"))


if __name__ == "__main__":
    tap.main()
