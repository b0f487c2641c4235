"""The usage report as CSV against the rules of FinOps FOCUS 1.2 in focus.py, and these rules against
faults planted in it."""
import csv
import io
import os
import subprocess
import unittest
from decimal import ROUND_HALF_UP, Decimal

import focus
import tap
from exchange import CREDIT, HOUR, Exchange, boursed, order, world
from keys import seal
from test_backstop import parties

PROGRAM = os.path.join(os.environ["BOURSE_BIN"], "tests", "usage_csv")


def changed(text, column, value, place=0):
    """The data set with one cell replaced."""
    table = list(csv.reader(io.StringIO(text, newline="")))
    table[1 + place][table[0].index(column)] = value
    out = io.StringIO(newline="")
    csv.writer(out).writerows(table)
    return out.getvalue()


class Focus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = subprocess.run([PROGRAM], check=True, capture_output=True,
                                  timeout=60).stdout.decode("utf-8")

    def test_mandatory_columns(self):
        self.assertEqual(len(focus.MANDATORY), 21)
        header = next(csv.reader(io.StringIO(self.text, newline="")))
        self.assertEqual(sorted(header), header)
        self.assertLessEqual(set(focus.MANDATORY), set(header))

    def test_rules(self):
        self.assertEqual(focus.faults(self.text), [])

    def test_values(self):
        rows = focus.rows(self.text)
        self.assertEqual(len(rows), 3 * 4 + 3 + 1 + 4)
        of_bob = [row for row in rows if row["BillingAccountId"] == "2"
                  and row["ResourceId"] == "lease/2"]
        self.assertEqual({row["BillingAccountName"] for row in of_bob}, {'Bob, "the lab"'})
        # ceil(533 x 1.999999 / 60), in four rows.
        self.assertEqual(sum(Decimal(row["BilledCost"]) for row in of_bob), Decimal("17.766658"))
        self.assertEqual([row["CapacityReservationStatus"] for row in of_bob],
                         ["Used", "Used", "Unused", "Unused"])
        self.assertEqual(of_bob[0]["ChargePeriodStart"][:7], of_bob[0]["BillingPeriodStart"][:7])
        self.assertGreater(of_bob[1]["BillingPeriodStart"], of_bob[0]["BillingPeriodStart"])
        draws = [row for row in rows if row["CapacityReservationId"] == "backstop/5"]
        self.assertEqual([row["BilledCost"] for row in draws], ["12", "11.666667", "5"])
        self.assertEqual([row["ListCost"] for row in draws], ["12", "11.666667", "11.2"])
        self.assertEqual([row["SkuPriceId"] for row in draws],
                         ["backstop/5/1.5", "backstop/5/1.458333", "backstop/5/1.4"])
        self.assertEqual({row["ResourceId"] for row in draws}, {""})
        # 100 GPU-minutes of a lease that was sold below its price, and what another was bought for.
        sold = [row for row in rows if row["ResourceId"] == "lease/4"]
        self.assertEqual([(row["BillingAccountId"], row["ChargeCategory"], row["ChargeFrequency"],
                           row["BilledCost"], row["ListCost"], row["PricingQuantity"])
                          for row in sold],
                         [("2", "Usage", "Usage-Based", "1.026665", "2.566666", "1.283333"),
                          ("2", "Usage", "Usage-Based", "0.306666", "0.766666", "0.383333"),
                          ("1", "Adjustment", "Usage-Based", "2.000001", "2.000001", "")])
        bought, = [row for row in rows if row["ChargeCategory"] == "Purchase"]
        self.assertEqual((bought["BillingAccountId"], bought["BilledCost"], bought["ListCost"],
                          bought["ChargeFrequency"], bought["SkuPriceId"], bought["ResourceId"],
                          bought["ConsumedQuantity"], bought["CapacityReservationId"],
                          bought["ChargePeriodStart"]),
                         ("2", "3.333341", "3.333341", "One-Time", "resale/5/0.500001", "lease/5",
                          "", "", "2027-01-15T08:00:07Z"))
        vacant, = [row for row in rows if row["SkuPriceId"].startswith("unsold/")]
        self.assertEqual((vacant["BilledCost"], vacant["ListCost"], vacant["ConsumedQuantity"],
                          vacant["PricingQuantity"], vacant["CapacityReservationStatus"],
                          vacant["BillingAccountName"]),
                         ("0", "0", "0", "16.683333", "Unused", "op"))

    def printed(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], check=True, capture_output=True,
                              timeout=60).stdout.decode("utf-8")

    def test_par(self):
        """billed in another currency, at what a credit is worth in it; priced in credits"""
        for par, currency in (("0.92", "EUR"), ("157.253901", "JPY"), ("0.000001", "KWD"),
                              ("1000000", "IDR"), ("1", "EUR"), ("1.5", "USD")):
            with self.subTest(par=par, currency=currency):
                text = self.printed(par, currency)
                self.assertEqual(focus.faults(text, Decimal(par), currency), [])
                self.assertNotEqual(focus.faults(text, Decimal(par), "CHF"), [])
                if par != "0.000001":  # with which hardly anything costs something
                    self.assertNotEqual(focus.faults(text, Decimal(par) * 2, currency), [])
                rows, at_par = focus.rows(text), focus.rows(self.text)
                for column in focus.COLUMNS:
                    billed = column in ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost",
                                        "ContractedUnitPrice", "ListUnitPrice", "BillingCurrency")
                    if not billed:
                        self.assertEqual([row[column] for row in rows],
                                         [row[column] for row in at_par])
                # What the lease paid at par, rounded once, and not a row each.
                of_bob = sum(Decimal(row["BilledCost"]) for row in rows
                             if row["ResourceId"] == "lease/2")
                self.assertEqual(of_bob, (Decimal("17.766658") * Decimal(par)).quantize(
                    focus.NEAR, ROUND_HALF_UP))

    def test_planted_par(self):
        text = self.printed("0.92", "EUR")
        for column, value in (("BilledCost", "5.1"), ("EffectiveCost", "5.1"), ("ListCost", "5.1"),
                              ("ListUnitPrice", "1.999999"), ("ContractedUnitPrice", "1.84"),
                              ("PricingCurrencyListUnitPrice", "1.84"),
                              ("PricingCurrencyEffectiveCost", "5"), ("BillingCurrency", "USD")):
            with self.subTest(column=column):
                wrong = changed(text, column, value)
                self.assertNotEqual(focus.faults(wrong, Decimal("0.92"), "EUR"), [])

    def test_billed_before(self):
        """what was billed then is compared with what the export says of it"""
        start = [f"2027-01-15T{hour:02}:00:00Z" for hour in (8, 9, 10)]
        billed = dict(zip((("backstop/5", at) for at in start), map(Decimal,
                                                                    ("12", "11.666667", "5"))))
        capped = {("backstop/5", start[2])}
        self.assertEqual(focus.billed_faults(self.text, billed, capped), [])
        self.assertNotEqual(focus.billed_faults(self.text, billed), [])
        self.assertNotEqual(focus.billed_faults(self.text, {**billed, ("backstop/6", start[0]):
                                                            Decimal(1)}, capped), [])
        place = [row["CapacityReservationId"] for row in focus.rows(self.text)].index("backstop/5")
        for column in ("BilledCost", "ListCost", "ContractedCost"):
            wrong = changed(self.text, column, "6", place)
            self.assertNotEqual(focus.billed_faults(wrong, billed, capped), [])

    def test_planted_faults(self):
        planted = [
            ("BilledCost", "1,5"), ("BilledCost", "1e3"), ("BilledCost", ""), ("BilledCost", "+1"),
            ("BillingAccountId", ""), ("BillingAccountName", "N/A"), ("BillingCurrency", "credits"),
            ("BillingPeriodStart", "2027-01"), ("BillingPeriodStart", "2027-01-02T00:00:00Z"),
            ("BillingPeriodEnd", "2027-01-01T00:00:00Z"), ("ChargeCategory", "usage"),
            ("ChargeClass", "Regular"), ("ChargePeriodStart", "2027-01-15 08:00:00"),
            ("ChargePeriodStart", "2027-13-15T08:00:00Z"),
            ("ChargePeriodEnd", "2027-01-15T08:00:00Z"), ("ContractedCost", "1"),
            ("ListCost", "99999"), ("PricingQuantity", ""), ("PricingUnit", "gpu hours"),
            ("PricingCurrency", "USD"), ("PublisherName", ""), ("ServiceCategory", "GPU"),
            ("CapacityReservationId", ""), ("CapacityReservationStatus", "Free"),
            ("CapacityReservationStatus", "Unused"), ("ConsumedUnit", ""), ("ResourceType", ""),
            ("RegionName", ""), ("ListUnitPrice", "-1"),
            ("PricingCurrencyContractedUnitPrice", ""), ("SkuPriceId", ""), ("SkuId", ""),
            ("ListUnitPrice", ""), ("ContractedUnitPrice", ""), ("SkuPriceId", "unsold/1/0"),
            ("PricingCurrencyEffectiveCost", "1"), ("EffectiveCost", "1"),
            ("ChargeFrequency", ""), ("ChargeFrequency", "Usage-based"),
        ]
        for column, value in planted:
            with self.subTest(column=column, value=value):
                self.assertNotEqual(focus.faults(changed(self.text, column, value)), [])
        categories = [row["ChargeCategory"] for row in focus.rows(self.text)]
        for category, column, value in (
                ("Purchase", "ChargeFrequency", "Usage-Based"), ("Purchase", "PricingUnit", ""),
                ("Purchase", "SkuPriceId", ""), ("Purchase", "ConsumedQuantity", "1"),
                ("Purchase", "CapacityReservationId", "lease/5"),
                ("Adjustment", "ListCost", "0"), ("Adjustment", "ContractedCost", "0"),
                ("Adjustment", "PricingUnit", "GPU-Hours"), ("Adjustment", "ChargeCategory", "Usage"),
                ("Adjustment", "BillingAccountId", "")):
            with self.subTest(category=category, column=column):
                wrong = changed(self.text, column, value, categories.index(category))
                self.assertNotEqual(focus.faults(wrong), [])

    def test_planted_columns(self):
        for name in focus.COLUMNS:
            with self.subTest(column=name):
                renamed = self.text.replace(name, name + "x", 1)
                self.assertNotEqual(focus.faults(renamed), [])
        self.assertNotEqual(focus.faults(""), [])
        self.assertNotEqual(focus.faults(self.text + "a,b\r\n"), [])

    def test_of_an_exchange(self):
        """a lease of a real exchange: well formed, and billed what its flow says was paid"""
        with Exchange() as x:
            w = world(x)
            tokens = x.mint(w.series, (w.alice, 1000 * CREDIT))
            x.advance(to_s=w.alice.query("offers", offer=w.offer).rows[0].start_s)
            lease = w.alice.do("order_place", **order(w.sku, minutes=180), tokens=tokens).lease_first
            w.operator.do("lease_activate", lease=lease,
                          access=seal(w.alice.keys.channel_public, b"access"))
            x.advance(HOUR + 60)
            w.operator.do("lease_meter", lease=lease, period=0, gpu_minutes=401)
            x.advance(24 * HOUR)
            paid = sum(row.amount_ucr for row in w.alice.query("flows").rows)
            x.stop()
            made = boursed("report", "usage", "--data", x.data, "--account", "alice", "--csv")
            self.assertEqual(made.returncode, 0, made.stderr)
            text = made.stdout
            self.assertEqual(focus.faults(text), [])
            self.assertGreater(paid, 0)
            self.assertEqual(sum(Decimal(row["BilledCost"]) for row in focus.rows(text)) * CREDIT,
                             paid)

    def test_of_an_amended_backstop(self):
        """an export of what is past is the same before and after an amendment, and is what was
        billed; also of a period with two strikes"""
        with Exchange() as x:
            users = parties(x)
            guard, gridco = users["guard"], users["gridco"]
            day_s = (x.now_s() // 86400 + 1) * 86400
            guard.ok("backstop", "propose", "--operator", "gridco", "--site", "batam", "--sku",
                     "h100", "--gpus", "8", "--strike", "2", "--pool", "260", "--start",
                     f"@{day_s}", "--end", f"@{day_s + 4 * 86400}", "--price-max", "2", "--period",
                     "6h", "--lot", f"8@@{day_s}")
            gridco.ok("backstop", "accept", "1", "1")

            def exported(until_s):
                text = guard.ok("report", "usage", "--csv", "--until", f"@{until_s}")
                self.assertEqual(focus.faults(text), [])
                return text

            def billed():
                draws = guard.json("backstop", "statement", "1")
                return {("backstop/1", draw["start_s"]): Decimal(draw["owed_ucr"]) / CREDIT
                        for draw in draws}

            first_s = day_s + 6 * HOUR
            x.advance(to_s=first_s)
            before = exported(first_s)
            self.assertEqual(focus.billed_faults(before, billed()), [])
            # Proposed and accepted in the middle of the next period.
            x.advance(to_s=first_s + HOUR)
            gridco.ok("backstop", "propose", "--amend", "1", "--strike", "1")
            self.assertEqual(exported(first_s), before)
            x.advance(to_s=first_s + 2 * HOUR)
            guard.ok("backstop", "accept", "1", "2")
            self.assertEqual(exported(first_s), before)
            x.advance(to_s=first_s + 24 * HOUR)
            after = exported(first_s + 24 * HOUR)
            self.assertEqual(exported(first_s), before)
            # 96; 32 + 32 at two strikes; 48; 48; 4 that were left of the pool.
            owed = billed()
            self.assertEqual(list(owed.values()), [96, 64, 48, 48, 4])
            self.assertEqual(focus.billed_faults(after, owed, {list(owed)[-1]}), [])
            gridco.ok("backstop", "propose", "--amend", "1", "--strike", "1.5", "--pool", "900")
            guard.ok("backstop", "accept", "1", "3")
            self.assertEqual(exported(first_s + 24 * HOUR), after)
            x.stop()
            x.check()
            made = boursed("report", "usage", "--data", x.data, "--account", "guard", "--csv",
                           "--until", f"@{first_s + 24 * HOUR}")
            self.assertEqual(made.stdout.splitlines(), after.splitlines())


if __name__ == "__main__":
    tap.main()
