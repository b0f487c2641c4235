"""The usage report as CSV against the rules of FinOps FOCUS 1.2 in focus.py, and these rules against
faults planted in it."""
import csv
import io
import os
import subprocess
import unittest
from decimal import Decimal

import focus
import tap
from exchange import CREDIT, HOUR, Exchange, boursed, order, world
from keys import seal

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
        self.assertEqual(len(rows), 3 * 4 + 2)
        of_bob = [row for row in rows if row["BillingAccountId"] == "2"]
        self.assertEqual({row["BillingAccountName"] for row in of_bob}, {'Bob, "the lab"'})
        # ceil(533 x 1.999999 / 60), in four rows.
        self.assertEqual(sum(Decimal(row["BilledCost"]) for row in of_bob), Decimal("17.766658"))
        self.assertEqual([row["CapacityReservationStatus"] for row in of_bob],
                         ["Used", "Used", "Unused", "Unused"])
        self.assertEqual(of_bob[0]["ChargePeriodStart"][:7], of_bob[0]["BillingPeriodStart"][:7])
        self.assertGreater(of_bob[1]["BillingPeriodStart"], of_bob[0]["BillingPeriodStart"])
        draws = [row for row in rows if row["CapacityReservationId"] == "backstop/5"]
        self.assertEqual([row["BilledCost"] for row in draws], ["12", "5"])
        self.assertEqual([row["ListCost"] for row in draws], ["12", "12"])
        self.assertEqual({row["ResourceId"] for row in draws}, {""})

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
            ("PricingCurrencyContractedUnitPrice", ""),
        ]
        for column, value in planted:
            with self.subTest(column=column, value=value):
                self.assertNotEqual(focus.faults(changed(self.text, column, value)), [])

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


if __name__ == "__main__":
    tap.main()
