"""The commands of the market, as people type them: offers, orders, leases and their outcomes."""
import json
import os
import re
import shlex
import shutil

import tap
from exchange import CREDIT, Exchange
from proof import Receipt
from user import OK, REFUSED, UNTRUSTED, USAGE, Desk, User


class Market(Desk):
    def test_the_market(self):
        """orders rest, are amended, asked about, filled and cancelled; advice can be typed"""
        with Exchange() as x:
            users = self.market(x)
            admin, acme, beta, gridco = (users[n] for n in ("admin", "acme", "beta", "gridco"))
            want = ("--sku", "gb300=2", "--gpus", "8", "--duration", "2h", "--interconnect",
                    "NVLink 5", "--cert", "ISO 27001", "--sovereign", "ID", "--carbon-max", "700",
                    "--reliability-min", "99.5")
            rests = acme.json("order", "place", *want, "--rest", "+1d")["order"]
            self.assertEqual([o["order"] for o in acme.json("order", "list", "--resting")], [rests])
            self.offer(users)
            why = acme.json("order", "why", rests)
            self.assertEqual(why["refusal"], "price_above_limit")
            miss, = [row for row in why["funnel"] if row["dimension"] == "price"]
            self.assertEqual((miss["offers"], miss["gpus"], miss["price_ucr"]), (1, 8, 2_500_000))
            self.assertIn("at 2.5 it would fill now", acme.ok("order", "why", rests))
            acme.ok("order", "amend", rests, "--limit", "2.5")
            row = acme.json("order", "show", rests)
            self.assertEqual((row["state"], row["end_reason"], row["ended_by"], row["cost_ucr"]),
                             ("filled", "filled", "exchange", 40 * CREDIT))
            # What nobody here can have: each constraint names itself.
            for option, value, dimension in (("--carbon-max", "100", "carbon"),
                                             ("--cert", "SOC 2", "certification"),
                                             ("--interconnect", "none", "interconnect"),
                                             ("--region", "DE", "region")):
                text = acme.fails(REFUSED, "quote", "--sku", "gb300", "--gpus", "8", "--duration",
                                  "1h", option, value)
                self.assertIn("--why", text)
                done = acme("quote", "--sku", "gb300", "--gpus", "8", "--duration", "1h",
                            option, value, "--why")
                self.assertRegex(done.stdout, dimension + r" +1 +without this 8 GPUs at 2.5")
            # Many at once, and all of them off again.
            lines = "sku,gpus,duration,limit\n" + "gb300,8,1h,1\n" * 30
            placed = acme.json("order", "place", "--file", "-", "--rest", "+1d", input_text=lines)
            self.assertEqual([one["line"] for one in placed], list(range(2, 32)))
            self.assertEqual({one["state"] for one in placed}, {"resting"})
            self.assertEqual(len(acme.json("order", "cancel", "--all")), 30)
            self.assertEqual(acme.json("balance")[0]["tokens_ucr"], 960 * CREDIT)
            beta.fails(REFUSED, "order", "cancel", rests)
            # Advice is a command line that a shell takes.
            curve = "time,gpus\n0,2\n3600,4\n7200,0\n"
            advice = acme.json("advise", "-", "--interconnect", "NVLink 5", "--cert", "ISO 27001",
                               "--sovereign", "ID", input_text=curve)
            self.assertEqual(advice["best"], "layers")
            layers = next(one for one in advice["candidates"] if one["name"] == "layers")
            cost_ucr = 0
            for order in layers["orders"]:
                words = shlex.split(order["command"])
                self.assertEqual(words[0], "bourse")
                self.assertIn("NVLink 5", words)
                got = acme.json(*words[1:])
                cost_ucr += acme.json("order", "show", got["order"])["cost_ucr"]
                self.assertEqual(admin.json("order", "show", got["order"])["gpus_filled"], 2)
            self.assertEqual(cost_ucr, layers["cost_ucr"])
            self.assertIn("not_permitted", admin.fails(REFUSED, "order", "place", "--sku", "gb300",
                                                       "--gpus", "1", "--duration", "1h",
                                                       "--any-price"))
            gridco.ok("lease", "list")

    def test_leases_in_the_market(self):
        """leases are extended, sold on and paid as they go; outages are told"""
        with Exchange() as x:
            users = self.market(x)
            admin, acme, beta, gridco = (users[n] for n in ("admin", "acme", "beta", "gridco"))
            self.offer(users, gpus="8")
            placed = acme.json("redeem", "--sku", "gb300", "--gpus", "8", "--duration", "4h",
                               "--any-price")
            lease = placed["leases"][0]
            gridco.ok("lease", "activate", lease, "--no-access")
            self.assertIn("20 credits", acme.fails(REFUSED, "lease", "extend", lease, "1h",
                                                   "--max-cost", "19"))
            self.assertIn("for 20 credits", acme.ok("lease", "extend", lease, "1h", "--max-cost",
                                                    "20"))
            # What is unsold all the time up to its end is what is offered.
            acme.ok("lease", "resell", lease, "--gpus", "6", "--price", "1", "--start", "+2h")
            beta.ok("redeem", "--sku", "gb300=1", "--gpus", "6", "--duration", "1h", "--start",
                    "+2h", "--start-until", "+3h")
            self.assertEqual(acme.json("lease", "show", lease)["gpus_unsold"], 2)
            resale = acme.json("lease", "show", lease)["resale_offer"]
            acme.ok("offer", "withdraw", resale)
            self.assertIn("2 GPUs", acme.ok("lease", "resell", lease, "--price", "2"))
            # An outage takes from what can be metered.
            self.assertNotIn("outage", acme.ok("lease", "show", lease))
            gridco.ok("site", "outage", "batam", "--until", "+30m")
            self.assertIn("outage of the site", acme.ok("lease", "show", lease))
            admin.ok("clock", "advance", "+1h")
            period = gridco.json("lease", "periods", lease)[0]
            self.assertEqual(period["gpu_minutes_due"], 480)
            available = period["gpu_minutes_available"]
            self.assertTrue(230 < available < 250, available)
            self.assertIn("lease periods", gridco.fails(REFUSED, "lease", "meter", lease, "0",
                                                        available + 1))
            self.assertIn(f"metered {available} ", gridco.ok("lease", "meter", lease, "0"))
            # Paid ahead for an hour, and no more.
            gridco.ok("offer", "publish", "--site", "batam", "--sku", "h100", "--gpus", "4",
                      "--for", "2d", "--price", "1", "--metered", "--preemptible", "--notice",
                      "30m")
            why = acme("quote", "--sku", "h100=1", "--gpus", "4", "--duration", "1d", "--profile",
                       "inference", "--funded", "30m", "--preemptible-ok", "--why").stdout
            self.assertRegex(why, r"billing +1 +with 60 minutes paid ahead 4 GPUs at 1, batam")
            # Blocks name themselves; what the price hides, too; and what nothing alone would do.
            gridco.ok("offer", "publish", "--site", "batam", "--sku", "h100", "--gpus", "8",
                      "--block", "8", "--for", "2d", "--price", "2")
            what = ("quote", "--gpus", "4", "--duration", "1d", "--why", "--sku")
            self.assertRegex(acme(*what, "h100=2").stdout,
                             r"size +1 +8 GPUs, at 2, sold in blocks of 8, batam")
            self.assertRegex(acme(*what, "h100=1.5").stdout,
                             r"size +1 +8 GPUs, at 2 \(above the limit\), sold in blocks of 8")
            self.assertIn("more than one has to give", acme(*what, "h100=2", "--region", "DE").stdout)
            gridco.ok("offer", "withdraw", str(gridco.json("offer", "list")[-1]["offer"]))
            words = acme.ok("order", "place", "--sku", "h100=1", "--gpus", "4", "--duration", "1d",
                            "--profile", "inference", "--funded", "2h", "--preemptible-ok")
            self.assertIn("4 of 4 GPUs for up to 96 credits", words)
            self.assertIn("8 credits are set aside, for 2h of full use; then paused, and over 2h "
                          "later; 'bourse lease fund' adds more", words)
            elastic = [row for row in acme.json("lease", "list") if row["elastic"]][0]
            self.assertEqual((elastic["preemptible"], elastic["notice_min"]), (True, 30))

    def test_outcomes(self):
        """one order, many orders and every change say the same fields to a program"""
        with Exchange() as x:
            users = self.market(x)
            admin, acme, beta, gridco = (users[n] for n in ("admin", "acme", "beta", "gridco"))
            self.offer(users)
            told = ("state", "gpus", "gpus_filled", "cost_ucr", "escrow_ucr")
            one = acme.json("order", "place", "--sku", "gb300=3", "--gpus", "8", "--duration", "1h")
            lines = "sku,gpus,duration,limit\ngb300,8,1h,3\nh100,8,1h,3\n"
            done = acme("order", "place", "--file", "-", "--json", input_text=lines)
            self.assertEqual(done.returncode, REFUSED)
            placed, refused = json.loads(done.stdout)
            self.assertEqual([one[name] for name in told], ["filled", 8, 8, 20 * CREDIT, 0])
            self.assertEqual([placed[name] for name in told], [one[name] for name in told])
            self.assertEqual(set(placed), set(one) | {"line"})
            # A refusal is the same object on its own and among others.
            alone = acme("order", "place", "--sku", "h100=3", "--gpus", "8", "--duration", "1h",
                         "--json")
            error = json.loads(alone.stderr)["error"]
            self.assertEqual((alone.stdout, error["refusal"], error["class"], error["exit_code"]),
                             ("", "no_capacity", "refused", REFUSED))
            self.assertEqual(refused["error"], error)
            self.assertEqual((refused["line"], refused["operation"]), (3, "order_place"))
            self.assertEqual(error["message"], "no offer matches")
            self.assertIn("--why", error["hint"])
            self.assertEqual(json.loads(done.stderr)["error"]["message"],
                             "1 of 2 orders was refused")
            rests = acme.json("order", "place", "--sku", "gb300=1", "--gpus", "8", "--duration",
                              "1h", "--rest", "+1d")
            amended = acme.json("order", "amend", rests["order"], "--gpus", "4")
            self.assertEqual([amended[name] for name in told], ["resting", 4, 0, 0, 4 * CREDIT])
            done = acme("order", "cancel", rests["order"], 77, "--json")
            cancelled, unknown = json.loads(done.stdout)
            self.assertEqual((cancelled["order"], unknown["order"]), (rests["order"], 77))
            self.assertEqual(unknown["error"]["refusal"], "order_not_found")

            # What an operation has made or changed stands in its answer.
            paid = acme.json("token", "transfer", "beta=5")
            self.assertEqual([(o["account"], o["amount_ucr"]) for o in paid["outputs"]][0],
                             (3, 5 * CREDIT))
            self.assertEqual([o["token"] for o in paid["outputs"]], paid["tokens"])
            token = paid["outputs"][0]["token"]
            self.assertEqual(beta.json("token", "burn", token)["inputs"], [token])
            minted = admin.json("mint", "spring", "acme=1")
            self.assertEqual((minted["series"], minted["outputs"][0]["amount_ucr"]), (1, CREDIT))
            moved = admin.json("clock", "advance", "+1m")["time_s"]
            self.assertEqual(moved, admin.json("clock", "show")["time_s"])
            lease = one["leases"][0]
            gridco.ok("lease", "activate", lease, "--no-access")
            longer = acme.json("lease", "extend", lease, "1h")
            self.assertEqual((longer["lease"], longer["cost_ucr"], longer["state"]),
                             (lease, 40 * CREDIT, "active"))
            self.assertEqual(longer["end_s"], acme.json("lease", "show", lease)["end_s"])
            sold = acme.json("lease", "resell", lease, "--gpus", "1", "--price", "1", "--start",
                             "+10m")
            self.assertEqual((sold["lease"], sold["gpus"], sold["price_ucr"]), (lease, 1, CREDIT))
            rule = acme.json("rule", "add", "--sku", "gb300=1", "--gpus", "1", "--horizon", "1h",
                             "--budget", "2")
            self.assertEqual((rule["state"], rule["gpus"], rule["budget_ucr"]),
                             ("active", 1, 2 * CREDIT))

    def test_names_that_nobody_has(self):
        """a name that is mistyped is told from one that nothing fits, with what there is"""
        with Exchange() as x:
            users = self.market(x)
            acme = users["acme"]
            self.offer(users)
            what = ("--sku", "gb300=3", "--gpus", "8", "--duration", "1h")
            rows = [
                (("--cert", "iso27001"), "certification 'iso27001'; did you mean 'ISO 27001'?"),
                (("--cert", "SOC 2"), "certification 'SOC 2'; there is 'ISO 27001'."),
                (("--interconnect", "nvlink5"), "interconnect 'nvlink5'; did you mean 'NVLink 5'?"),
                (("--region", "DE"), "No site is in the region 'DE'; there is 'ID'."),
                (("--jurisdiction", "US"), "under the jurisdiction 'US'; there is 'ID'."),
            ]
            for words, told in rows:
                with self.subTest(words=words):
                    self.assertIn(told, acme.fails(REFUSED, "quote", *what, *words))
                    done = acme("order", "place", *what, *words, "--json")
                    self.assertIn(told, json.loads(done.stderr)["error"]["hint"])
                    self.assertIn(told, acme("market", "starts", *what, *words).stderr)
                    # It may come one day: who waits for it is told what he waits for.
                    rests = acme("order", "place", *what, *words, "--rest", "+1d")
                    self.assertEqual(rests.returncode, OK)
                    self.assertIn(told, rests.stderr)
                    rests = acme.json("order", "place", *what, *words, "--rest", "+1d")
                    self.assertIn(told, rests["note"])
            self.assertNotIn("note", acme.json("order", "place", *what, "--cert", "ISO 27001",
                                               "--interconnect", "NVLink 5", "--sovereign", "ID"))
            acme.ok("order", "cancel", "--all")
            for words, told in ((("--region", "id"), "--region: 'id' is not an ISO 3166"),
                                (("--region", "somewhere"), "--region: 'somewhere' is not an ISO"),
                                (("--jurisdiction", "Indonesia"), "--jurisdiction: 'Indonesia'")):
                self.assertIn(told, acme.fails(USAGE, "quote", *what, *words))
            self.assertIn("did you mean 'gb300'?", acme.fails(REFUSED, "sku", "show", "gb30"))
            self.assertIn("did you mean 'beta'?", acme.fails(REFUSED, "token", "transfer", "bet=1"))
            self.assertIn("did you mean 'batam'?",
                          acme.fails(REFUSED, "site", "show", "Batam"))
            rule = acme("rule", "add", "--sku", "gb300=1", "--gpus", "1", "--horizon", "1h",
                        "--budget", "1", "--region", "DE")
            self.assertIn("there is 'ID'", rule.stderr)
            self.assertIn("keeps 1 GPU for the next 1h, with 1 credit to spend", rule.stdout)
            self.assertNotIn("horizon comes to", rule.stderr)
            rule = acme("rule", "add", "--sku", "gb300=1", "--sku", "h100=2", "--gpus", "2",
                        "--horizon", "3h", "--budget", "11.9", "--jurisdiction", "ID",
                        "--cert", "ISO 27001", "--interconnect", "NVLink 5", "--carbon-max", "900")
            self.assertIn("At its limit a single horizon comes to 12 credits", rule.stderr)
            number = re.search(r"rule (\d+)", rule.stdout).group(1)
            words = acme.ok("rule", "show", number)
            for told in (r"jurisdictions: +ID", r"certifications: +ISO 27001",
                         r"interconnect: +NVLink 5", r"carbon g max: +900", r"profile: +training"):
                self.assertRegex(words, told)
            self.assertRegex(acme.ok("rule", "list"), r"JURISDICTIONS.*\n.*\n.* ID ")

    def test_by_hand(self):
        """the whole trade by hand, every subcommand of the issue, in words and in JSON"""
        with Exchange() as x:
            users = self.market(x)
            admin, acme, beta = users["admin"], users["acme"], users["beta"]
            gridco, audit = users["gridco"], users["audit"]

            # Accounts, SKUs, sites, series.
            self.assertIn("acme", acme.ok("status"))
            self.assertEqual(acme.json("status")["role"], "startup")
            self.assertIn("startup", acme.ok("account", "show"))
            self.assertEqual(acme.json("account", "show", "gridco")["role"], "operator")
            names = [row["name"] for row in admin.json("account", "list")]
            self.assertEqual(names, ["admin", "acme", "beta", "gridco", "fund", "audit", "spare"])
            self.assertIn("gridco", audit.ok("account", "list"))
            self.assertEqual([s["name"] for s in acme.json("sku", "list")], ["gb300", "h100"])
            self.assertIn("NVIDIA", acme.ok("sku", "show", "gb300"))
            admin.ok("sku", "deprecate", "h100")
            self.assertEqual(acme.json("sku", "show", "h100")["state"], "deprecated")
            admin.ok("sku", "activate", "h100")
            site = acme.json("site", "show", "batam")
            self.assertEqual((site["region"], site["power_kw"], site["reliability_ppm"]),
                             ("ID", 360000, 1_000_000))
            self.assertIn("batam", acme.ok("site", "list"))
            self.assertIn("ISO 27001", acme.ok("site", "show", "batam"))
            self.assertIn("spring", acme.ok("series", "list"))
            self.assertEqual(acme.json("series", "show", "spring")["transferable"], True)

            # Tokens.
            self.assertIn("1000", acme.ok("token", "list"))
            token, = [t["token"] for t in acme.json("token", "list")]
            self.assertIn("spring", acme.ok("token", "show", token))
            self.assertIn("token", acme.ok("token", "split", token, "100", "200"))
            self.assertEqual(sorted(t["amount_ucr"] for t in acme.json("token", "list")),
                             [100 * CREDIT, 200 * CREDIT, 700 * CREDIT])
            acme.ok("token", "transfer", "beta=50", "spare=12.5", "--series", "spring")
            acme.ok("token", "merge", "--series", "spring")
            self.assertEqual([t["amount_ucr"] for t in acme.json("token", "list")],
                             [937_500_000])
            self.assertEqual(beta.json("balance")[0]["tokens_ucr"], 300_500_000)
            burned = beta.json("token", "list")[0]
            beta.ok("token", "burn", burned["token"])
            self.assertEqual(beta.json("balance")[0]["burned_ucr"], burned["amount_ucr"])

            # A gift, to somebody who has nothing but the line.
            line = acme.ok("token", "give", "40").strip()
            self.assertEqual(len(line.splitlines()), 1)
            self.assertEqual(len(acme.json("token", "gifts")), 1)
            new = User(x, "newcomer", key=False, config=False)
            self.assertIn("--name", new.fails(USAGE, "token", "claim", input_text=line))
            new.fails(USAGE, "token", "claim", "--name", "newco",
                      input_text=line[:40] + "x" + line[41:])
            self.assertIn("claimed", new.ok("token", "claim", "--name", "newco", input_text=line))
            self.assertEqual(new.json("balance")[0]["tokens_ucr"], 40 * CREDIT)
            self.assertEqual(new.json("account", "show")["name"], "newco")
            self.assertEqual(os.stat(new.home / ".config/bourse/key").st_mode & 0o777, 0o600)
            new.fails(REFUSED, "token", "claim", input_text=line)
            second = acme.json("token", "give", "5", "--output", acme.home / "gift.txt")
            self.assertEqual(os.stat(acme.home / "gift.txt").st_mode & 0o777, 0o600)
            acme.ok("token", "revoke", second["gift"])
            self.assertEqual(acme.json("token", "gifts"), [])

            # Capacity, quote, redemption.
            self.offer(users)
            self.assertIn("batam", acme.ok("offer", "list"))
            offer = acme.json("offer", "list", "--sku", "gb300", "--site", "batam")[0]
            self.assertEqual((offer["gpus"], offer["price_ucr"]), (170000, 2_500_000))
            self.assertIn("170000", acme.ok("offer", "show", offer["offer"]))
            extra = gridco.json("offer", "publish", "--site", "batam", "--sku", "h100", "--gpus",
                                "8", "--for", "1d", "--price", "1")
            gridco.ok("offer", "withdraw", extra["offer"])
            want = ("--sku", "gb300", "--gpus", "8", "--duration", "2h")
            words = acme.ok("quote", *want, "--why")
            self.assertIn("40 credits", words)
            self.assertIn("match", words)
            quoted = acme.json("quote", *want, "--region", "ID", "--jurisdiction", "ID")
            self.assertEqual(quoted["quote"]["cost_ucr"], 40 * CREDIT)
            redeemed = acme.json("redeem", "--file", "-", input_text=json.dumps(quoted))
            order, lease = redeemed["order"], redeemed["leases"][0]
            self.assertIn("lease", acme.ok("redeem", *want, "--limit", "2.5"))
            acme.ok("redeem", *want, "--any-price", "--fill-or-kill")
            self.assertEqual(acme.json("order", "show", order)["state"], "filled")
            self.assertEqual(len(acme.json("order", "list")), 3)

            # Lease: access, metering, dispute, decision, end.
            secret = "ssh gpu@203.0.113.9 -p 22\nkubeconfig: ...\n"
            (gridco.home / "access").write_text(secret)
            gridco.ok("lease", "activate", lease, "--access-file", "access")
            self.assertEqual(acme.ok("lease", "access", lease), secret)
            self.assertEqual(acme.json("lease", "access", lease)["access"], secret)
            beta.fails(REFUSED, "lease", "access", lease)
            gridco.ok("lease", "activate", lease + 1, "--access-file", "-", input_text=secret)
            self.assertIn("attached later", gridco.fails(USAGE, "lease", "activate", lease + 2))
            gridco.ok("lease", "activate", lease + 2, "--no-access")
            self.assertIn("active", acme.ok("lease", "list"))
            self.assertIn("gb300", gridco.ok("lease", "show", lease))
            admin.ok("clock", "advance", "+1h")
            self.assertIn("480 GPU-minutes", gridco.ok("lease", "meter", lease, "0"))
            gridco.ok("lease", "meter", lease + 1, "0", "480")
            admin.ok("clock", "advance", "+1h")
            gridco.ok("lease", "meter", lease, "1", "400")
            gridco.ok("lease", "meter", lease + 1, "1", "480")
            acme.ok("lease", "dispute", lease, "1", "300", "--reason", "two nodes were down")
            self.assertIn("disputed", acme.ok("lease", "periods", lease))
            admin.ok("lease", "decide", lease, "1", "350", "--reason", "the logs of both")
            long = acme.json("redeem", "--sku", "gb300=3", "--gpus", "1", "--duration", "10h",
                             "--series", "spring", "--profile", "tuning")["leases"][0]
            gridco.ok("lease", "activate", long, "--no-access")
            admin.ok("clock", "advance", "+3h")
            acme.ok("lease", "end", long)
            admin.ok("clock", "advance", "+50h")
            periods = acme.json("lease", "periods", lease)
            self.assertEqual([p["state"] for p in periods], ["settled", "settled"])
            self.assertEqual(acme.json("lease", "show", lease)["paid_ucr"],
                             -(-830 * 2_500_000 // 60))  # the operator's is rounded up
            self.assertEqual(len(acme.json("lease", "list")), 0)
            self.assertEqual(len(acme.json("lease", "list", "--all")), 4)

            # Money out, supply, the log.
            earned = gridco.json("balance")[0]["balance_ucr"]
            self.assertGreater(earned, 0)
            gridco.ok("payout", "spring", "30", "--reference", "invoice 2026-11")
            self.assertIn("30", gridco.ok("balance"))
            supply, = acme.json("supply")
            self.assertEqual(supply["minted_ucr"], 1_250_500_000)
            self.assertEqual(supply["minted_ucr"], sum(supply[k] for k in (
                "tokens_ucr", "gifts_ucr", "escrow_ucr", "balance_ucr", "paid_out_ucr",
                "burned_ucr", "expired_ucr")))
            self.assertIn("spring", acme.ok("supply", "spring"))
            x.books()
            events = [json.loads(line) for line in
                      acme.ok("events", "--json").splitlines()]
            placed = [e for e in events if e["event"] == "order_placed"]
            self.assertEqual(len(placed), 4)
            self.assertIn("order_placed", acme.ok("events", "--from", str(placed[0]["index"]),
                                                  "--limit", "1"))
            acme.ok("receipt", placed[0]["index"], "--output", "order.receipt")
            text = acme.ok("receipt", placed[0]["index"])
            Receipt(text.encode(), x.pin)
            beta.fails(REFUSED, "receipt", placed[0]["index"])
            x.stop()

            # Offline now: the receipt and the pin are enough.
            words = acme.ok("verify", "order.receipt")
            self.assertIn("verified", words)
            self.assertIn("order_placed", words)
            told = acme.json("verify", "order.receipt")
            self.assertEqual((told["verified"], told["index"]), (True, placed[0]["index"]))
            nobody = User(x, "auditor-offline", key=False, config=False)
            shutil.copy(acme.home / "order.receipt", nobody.home)
            nobody.ok("verify", "order.receipt", "--exchange", x.pin.line)
            forged = (nobody.home / "order.receipt").read_text().replace("index ", "index 1", 1)
            (nobody.home / "forged").write_text(forged)
            self.assertIn("NOT", nobody.fails(UNTRUSTED, "verify", "forged", "--exchange",
                                              x.pin.line))
            x.check()


tap.main()
