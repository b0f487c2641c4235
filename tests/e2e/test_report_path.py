"""The path of a report: from the question through the server's snapshot and back, and the same from
the journal alone, to the byte."""
import datetime
import json
import unittest

import tap
from exchange import BOURSED, CREDIT, HOUR, Exchange, boursed, order, run, world
from keys import Keys, seal
from messages import TABLE, operation
from user import User
from wire import Refused

# How `boursed` ends.
OK, FAILED, USAGE = range(3)
CLI_USAGE = 1  # of `bourse`
PAGE_ROWS_MAX = TABLE.limits["PAGE_ROWS_MAX"]
WAITING_MAX = TABLE.limits["REPORTS_WAITING_MAX"]
# Kinds that need no more than this to be asked for.
PLAIN = {"exposure": {}, "stress": {"demand_down_ppm": 200_000}, "circularity": {},
         "concentration": {}, "vacancy": {}, "carbon": {}, "portability": {}}
STRESSED = ("--demand-down", "20%")


def offline(x, kind, *options, expected=OK):
    """What `boursed report` prints; from stderr when it fails."""
    done = boursed("report", kind, "--data", x.data, *options)
    assert done.returncode == expected, f"{done.returncode}: {done.stderr}"
    return done.stdout if expected == OK else done.stderr


def clock(x):
    return datetime.datetime.fromtimestamp(x.now_s(), datetime.timezone.utc)


def start_of_month(time, later):
    """The first second of the month so many after that of the time."""
    months = time.year * 12 + time.month - 1 + later
    return int(datetime.datetime(months // 12, months % 12 + 1, 1,
                                 tzinfo=datetime.timezone.utc).timestamp())


def startups(x, series, count, first=0):
    """Registers accounts, many in a request, and mints a credit to each."""
    for at in range(0, count, 200):
        names = [f"many-{first + i}" for i in range(at, min(at + 200, count))]
        reply = x.admin.request([operation(
            "account_register", name=name, role="startup", sign_key=Keys.named(name).sign_public,
            channel_key=Keys.named(name).channel_public) for name in names])
        assert all(r.refusal == "accepted" for r in reply.results), reply
        x.admin.do("mint", series=series, outputs=[
            {"account": r.object, "amount_ucr": CREDIT} for r in reply.results])


def pages(client, question, first=None):
    """A whole report, page by page."""
    page = first or client.query("report", **question)
    whole = page
    while page.next != 0:
        page = client.query("report", **{**question, "index": whole.index, "from": page.next})
        whole["rows"] += page.rows
    assert len(whole.rows) == whole.total
    return whole


def trade(x):
    """Something to report on: a lease that was paid for, metered and settled in part."""
    w = world(x)
    tokens = x.mint(w.series, *[(w.alice, 1000 * CREDIT)] * 2)
    x.advance(to_s=w.alice.query("offers", offer=w.offer).rows[0].start_s)
    lease = w.alice.do("order_place", **order(w.sku, minutes=180), tokens=tokens[:1]).lease_first
    w.operator.do("lease_activate", lease=lease, access=seal(w.alice.keys.channel_public, b"access"))
    x.advance(HOUR + 60)
    w.operator.do("lease_meter", lease=lease, period=0, gpu_minutes=400)
    x.advance(2 * HOUR)
    return w


class ReportPath(unittest.TestCase):
    def test_the_same_from_the_journal(self):
        """online and `boursed report --at` of that index, byte for byte, for every kind"""
        with Exchange() as x:
            trade(x)
            admin = User(x, "admin")
            printed = {}
            for kind in PLAIN:
                options = STRESSED if kind == "stress" else ()
                printed[kind] = admin.ok("report", kind, *options, "--json")
            for kind in ("statement", "usage"):
                printed[kind] = admin.ok("report", kind, "--account", "alice", "--json")
            # Later events change nothing of what was at that index.
            x.account("late")
            x.advance(HOUR)
            for kind, text in printed.items():
                options = STRESSED if kind == "stress" else ()
                if kind in ("statement", "usage"):
                    options = ("--account", "alice")
                index = json.loads(text)["index"]
                self.assertEqual(text, offline(x, kind, *options, "--json", "--at", index), kind)
            # Without --at it is the present, and both formats for people and programs are there.
            x.stop()
            self.assertIn("index", offline(x, "portability"))
            self.assertTrue(offline(x, "portability", "--csv"))
            x.start()

    def test_statement_of_whole_months(self):
        """a past month, online and from the journal at that index: the same bytes"""
        with Exchange() as x:
            w = trade(x)
            month = f"{clock(x):%Y-%m}"
            x.advance(40 * 24 * HOUR)
            x.mint(w.series, (w.alice, 5 * CREDIT))
            admin = User(x, "admin")
            for options in (("--month", month), ("--until", month), ("--from", month), ()):
                for form in ("--json", "--csv"):
                    asked = ("--account", "alice", *options, form)
                    self.assertEqual(admin.ok("report", "statement", *asked),
                                     offline(x, "statement", *asked))

    def test_statement_of_days(self):
        """of any time from the journal: worked out by hand, and together what the month is online"""
        with Exchange() as x:
            w = world(x)
            x.advance(to_s=start_of_month(clock(x), 1))
            month_s = x.now_s()
            # 100 to alice at once; 30 of them to bob on the 3rd at noon; 5 more on the 20th.
            first = x.mint(w.series, (w.alice, 100 * CREDIT))
            noon_s = month_s + 2 * 24 * HOUR + 12 * HOUR
            x.advance(to_s=noon_s)
            w.alice.do("token_transfer", inputs=first, outputs=[
                {"account": w.bob.account, "amount_ucr": 30 * CREDIT},
                {"account": w.alice.account, "amount_ucr": 70 * CREDIT}])
            twentieth_s = month_s + 19 * 24 * HOUR
            x.advance(to_s=twentieth_s)
            x.mint(w.series, (w.alice, 5 * CREDIT))
            x.advance(to_s=month_s + 25 * 24 * HOUR)

            def line(*times):
                """opening, debits, credits and closing of alice's tokens, in credits"""
                options = [word for pair in zip(("--from", "--until"), times)
                           for word in (pair[0], f"@{pair[1]}")]
                told = json.loads(offline(x, "statement", "--account", "alice", *options, "--json"))
                rows = [row for row in told["tables"]["ledger"] if row["kind"] == "tokens"]
                if not rows:
                    return (0, 0, 0, 0)
                return tuple(rows[0][column] // CREDIT for column in
                             ("opening_ucr", "debits_ucr", "credits_ucr", "closing_ucr"))

            self.assertEqual(line(month_s - 5 * HOUR, month_s), (0, 0, 0, 0))
            self.assertEqual(line(month_s - 5 * HOUR, month_s + 1), (0, 0, 100, 100))
            self.assertEqual(line(month_s + 1, noon_s), (100, 0, 0, 100))
            moved = line(noon_s, noon_s + 1)
            self.assertEqual((moved[0], moved[2] - moved[1], moved[3]), (100, -30, 70))
            self.assertEqual(line(noon_s + 1, twentieth_s), (70, 0, 0, 70))
            self.assertEqual(line(twentieth_s, twentieth_s + HOUR), (70, 0, 5, 75))
            self.assertEqual(line(noon_s + 1), (70, 0, 5, 75))
            # In parts and as a whole: what moved adds up, each begins where the one before closed.
            cuts = [month_s, month_s + HOUR, noon_s, noon_s + 1, twentieth_s - 7, twentieth_s + 7]
            parts = [line(*times) for times in zip(cuts, cuts[1:])]
            parts.append(line(cuts[-1]))
            admin = User(x, "admin")
            online = admin.json("report", "statement", "--account", "alice")
            row, = [row for row in online["tables"]["ledger"] if row["kind"] == "tokens"]
            self.assertEqual(sum(part[1] for part in parts) * CREDIT, row["debits_ucr"])
            self.assertEqual(sum(part[2] for part in parts) * CREDIT, row["credits_ucr"])
            for one, two in zip(parts, parts[1:]):
                self.assertEqual(one[3], two[0])
            self.assertEqual(parts[-1][3] * CREDIT, row["closing_ucr"])
            # The exchange itself says what it can do, and who can do more.
            told = admin.fails(CLI_USAGE, "report", "statement", "--account", "alice", "--from",
                               f"@{noon_s}")
            self.assertIn("whole calendar months", told)
            self.assertIn("boursed report statement --data DIR", told)

    def test_statement_of_days_with_flows(self):
        """what was paid in a part of a month, and nothing of what was paid before it"""
        with Exchange() as x:
            w = trade(x)
            paid_s = x.now_s()
            x.advance(30 * HOUR)

            def flows(*options):
                told = json.loads(offline(x, "statement", "--account", "alice", *options, "--json"))
                return sum(row["out_ucr"] for row in told["tables"]["flows"])

            in_all = flows("--from", f"@{paid_s - 100 * 24 * HOUR + 1}")
            early = flows("--from", f"@{paid_s - 100 * 24 * HOUR + 1}", "--until",
                          f"@{paid_s + 1}")
            late = flows("--from", f"@{paid_s + 1}")
            self.assertGreater(in_all, 0)
            self.assertEqual(in_all, sum(row.amount_ucr for row in w.alice.query("flows").rows))
            self.assertEqual(early + late, in_all)

    def test_right_after_a_request(self):
        """a report sees the request that was answered before it was asked"""
        with Exchange() as x:
            series = x.series()
            for i in range(10):
                x.mint(series, (x.account(f"number-{i}"), CREDIT))
                size = x.admin.status().log_size
                report = x.admin.query("report", kind="portability")
                self.assertEqual(report.index, size)
                names = {row.cells[0].text for row in report.rows if row.table == 0}
                self.assertIn(f"number-{i}", names)

    def test_pages(self):
        """a report of several pages, while the exchange goes on; nobody else is shown it"""
        with Exchange() as x:
            series = x.series()
            startups(x, series, PAGE_ROWS_MAX + 500)
            x.account("auditor", "auditor")
            question = {"kind": "portability"}
            first = x.admin.query("report", **question)
            self.assertGreater(first.next, 0)
            rest = {**question, "index": first.index, "from": first.next}
            startups(x, series, 1, first=5000)
            self.assertEqual(self.refusal(x.client("auditor"), rest), "report_gone")
            self.assertEqual(self.refusal(x.admin, {**rest, "kind": "exposure"}), "report_gone")
            self.assertEqual(self.refusal(x.admin, {**rest, "site": 1}), "report_gone")
            whole = pages(x.admin, question, first)
            self.assertGreaterEqual(whole.total, PAGE_ROWS_MAX + 500)
            # What was read to its end is not kept.
            self.assertEqual(self.refusal(x.admin, rest), "report_gone")
            again = pages(x.admin, question)
            self.assertGreater(again.index, whole.index)
            admin = User(x, "admin")
            text = admin.ok("report", "portability", "--json")
            index = json.loads(text)["index"]
            self.assertEqual(text, offline(x, "portability", "--json", "--at", index))

    def test_who_may_ask(self):
        """the whole exchange for admins and auditors; one's own for others; nothing for strangers"""
        with Exchange() as x:
            w = trade(x)
            auditor = x.account("auditor", "auditor")
            for client in (x.admin, auditor):
                self.assertEqual(client.query("report", kind="exposure").account, 0)
                report = client.query("report", kind="usage", account=w.alice.account)
                self.assertEqual(report.account, w.alice.account)
                self.assertEqual(report.account_name, "alice")
                self.assertEqual(self.refusal(client, {"kind": "usage", "account": 99}),
                                 "account_not_found")
            self.assertEqual(w.alice.query("report", kind="exposure").account, w.alice.account)
            self.assertEqual(self.refusal(w.alice, {"kind": "usage", "account": w.bob.account}),
                             "not_visible")
            with x.visitor() as visitor:
                self.assertEqual(self.refusal(visitor, {"kind": "exposure"}), "unknown_account")

    def test_further_keys(self):
        """a further key asks as its account does, whatever it may sign; expired it is a stranger"""
        with Exchange() as x:
            w = trade(x)
            alice = User(x, "alice")
            desk = User(x, "desk")
            alice.ok("key", "add", desk.ok("key", "request", w.alice.account).strip(), "--label",
                     "desk", "--expires", "+1h", "--scopes", "orders")
            with x.connect("desk") as client:
                self.assertEqual(client.query("report", kind="exposure").account, w.alice.account)
                self.assertEqual(self.refusal(client, {"kind": "usage", "account": w.bob.account}),
                                 "not_visible")
                x.advance(2 * HOUR)
                self.assertEqual(self.refusal(client, {"kind": "exposure"}), "key_expired")

    def test_kill_and_restart(self):
        """a killed server answers as before; pages of before are gone"""
        with Exchange() as x:
            startups(x, x.series(), PAGE_ROWS_MAX + 10)
            question = {"kind": "portability"}
            for _ in range(3):
                first = x.admin.query("report", **question)
                seqs = [x.admin.send_query("report", **question) for _ in range(5)]
                self.assertTrue(seqs)
                x.kill()
                at = ("--json", "--at", first.index)
                text = offline(x, "portability", *at)
                x.start()
                x.reconnect()
                self.assertEqual(text, offline(x, "portability", *at))
                rest = {**question, "index": first.index, "from": first.next}
                self.assertEqual(self.refusal(x.admin, rest), "report_gone")
                whole = pages(x.admin, question)
                self.assertGreaterEqual(whole.index, first.index)
            x.stop()
            x.check()
            x.start()

    def test_many_at_once(self):
        """of hundreds at once each is answered or refused as busy, and others go on"""
        with Exchange() as x:
            w = world(x)
            startups(x, w.series, PAGE_ROWS_MAX + 10)
            people = [x.account(f"asker-{i}") for i in range(12)]
            sent = [(p, p.send_query("report", kind="exposure")) for p in people
                    for _ in range(WAITING_MAX // 2)]
            # The exchange is not kept from its work.
            tokens = x.mint(w.series, (w.alice, CREDIT))
            w.alice.do("token_burn", inputs=tokens)
            outcomes = {}
            for client, seq in sent:
                try:
                    client.answer(seq, "report")
                    outcome = "answered"
                except Refused as refused:
                    outcome = refused.refusal
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
            self.assertEqual(set(outcomes) - {"answered", "reports_busy"}, set(), outcomes)
            self.assertGreater(outcomes["answered"], len(people))
            self.assertEqual(people[0].query("report", kind="exposure").account,
                             people[0].account)

    def test_a_real_clock(self):
        """the state of a moment within one index: --time with --at"""
        with Exchange(clock="real") as x:
            startups(x, x.series(), 20)
            admin = User(x, "admin")
            text = admin.ok("report", "portability", "--json")
            report = json.loads(text)
            self.assertEqual(text, offline(x, "portability", "--json", "--at", report["index"],
                                           "--time", report["time_s"]))

    def test_the_command(self):
        """`boursed report`: what is wrong is said, and how it ends"""
        with Exchange() as x:
            trade(x)
            size = x.admin.status().log_size
            wrong = ((("exposures",), "no kind of report"),
                     (("exposure", "--debt", "debt.csv"), "means nothing"),
                     (("stress",), "nothing is stressed"),
                     (("exposure", "--at", "0"), "not a number from 1"),
                     (("exposure", "--at", "x"), "not a number"),
                     (("exposure", "--json", "--csv"), "not both"),
                     (("exposure", "--time", "-3d"), "--time"),
                     (("usage", "--account", "nobody"), "no account 'nobody'"),
                     (("usage", "--account", "99"), "no account '99'"),
                     (("statement",), "--account is missing"),
                     (("statement", "--account", "alice", "--from", "2999-01-02"),
                      "has not begun yet"),
                     (("vacancy", "--site", "nowhere"), "no site"))
            for (kind, *options), text in wrong:
                self.assertIn(text, offline(x, kind, *options, expected=USAGE))
            # Account 0 is the whole exchange, here as in a running one.
            admin = User(x, "admin")
            for kind in ("exposure", "usage"):
                self.assertEqual(offline(x, kind, "--account", "0"), offline(x, kind))
                self.assertEqual(admin.ok("report", kind, "--account", "0"),
                                 admin.ok("report", kind))
            done = run(BOURSED, "report", "--data", x.data)
            self.assertEqual((done.returncode, "KIND is needed" in done.stderr), (USAGE, True))
            failed = ((("exposure", "--at", size + 1), f"has {size} entries"),
                      (("exposure", "--time", "2001-01-01"), "nothing was there"),
                      (("exposure", "--table", "nothing"), "no table 'nothing'; there are: "),
                      (("endorsement", "--site", "1", "--debt", "none.csv"), "cannot read none.csv"),
                      (("vacancy", "--site", "99"), "site_not_found"),
                      (("statement", "--account", "alice", "--from", "1971-01-01",
                        "--until", "1971-01-02"), "nothing was there yet before --until"))
            for (kind, *options), text in failed:
                self.assertIn(text, offline(x, kind, *options, expected=FAILED))
            # An index inside a group is that of the group before.
            start = json.loads(offline(x, "exposure", "--json", "--at", 3))["index"]
            self.assertLessEqual(start, 3)
            for index in range(4, size, 3):
                at = json.loads(offline(x, "exposure", "--json", "--at", index))["index"]
                self.assertTrue(start <= at <= index)
                start = at
            self.assertEqual(json.loads(offline(x, "vacancy", "--site", "hall-1", "--json"))
                             ["index"], size)

    def refusal(self, client, question):
        try:
            client.query("report", **question)
        except Refused as refused:
            return refused.refusal
        return "accepted"


if __name__ == "__main__":
    tap.main()
