"""The command `bourse`, as people and scripts use it: every subcommand, its words and its JSON,
exit codes, errors that say what to do, help, completion, and what it does about a rewritten history."""
import json
import os
import pathlib
import pty
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
import unittest
import xml.etree.ElementTree

import tap
from exchange import BOURSE, CREDIT, Exchange, run
from keys import Keys
from proof import Receipt

OK, USAGE, REFUSED, CONNECTION, UNTRUSTED, LOCAL = range(6)


class User:
    """Somebody with a home folder, a key file and a configuration of their own."""

    def __init__(self, exchange, name, key=True, config=True):
        self.exchange, self.name = exchange, name
        self.home = exchange.folder / f"home-{name}"
        self.home.mkdir()
        self.environment = {"HOME": str(self.home), "PATH": os.environ["PATH"],
                            **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}
        if key:
            folder = self.home / ".config" / "bourse"
            folder.mkdir(parents=True)
            keys = exchange.admin_keys if name == "admin" else Keys.named(name)
            keys.write(folder / "key")
        if config:
            self.ok("config", "init", "--server", self.server(), "--exchange", exchange.pin.line)

    def server(self):
        return "%s:%d" % self.exchange.address

    def __call__(self, *arguments, **options):
        return run(BOURSE, *arguments, env=self.environment, cwd=self.home, **options)

    def ok(self, *arguments, **options):
        """What it prints to stdout; it must succeed."""
        done = self(*arguments, **options)
        assert done.returncode == OK, \
            f"{self.name}: bourse {' '.join(map(str, arguments))}: {done.returncode}: {done.stderr}"
        return done.stdout

    def json(self, *arguments, **options):
        return json.loads(self.ok(*arguments, "--json", **options))

    def fails(self, code, *arguments, **options):
        """Its message; it must end with this code and print nothing to stdout."""
        done = self(*arguments, **options)
        assert done.returncode == code, f"{self.name}: bourse {' '.join(map(str, arguments))}: " \
            f"{done.returncode} instead of {code}: {done.stdout} {done.stderr}"
        assert done.stderr.strip(), "no message"
        return done.stderr


class Cli(unittest.TestCase):
    def market(self, x):
        """Admin, operator and two startups; the set-up itself goes through the command."""
        admin = User(x, "admin")
        users = {"admin": admin}
        for name, role in (("acme", "startup"), ("beta", "startup"), ("gridco", "operator"),
                           ("fund", "guarantor"), ("audit", "auditor")):
            users[name] = User(x, name)
            public = users[name].ok("keygen", "--show").strip()
            self.assertEqual(public, Keys.named(name).text())
            made = admin.json("account", "register", name, public, "--role", role)
            self.assertGreater(made["account"], 1)
        self.assertIn("registered", admin.ok("account", "register", "spare",
                                             Keys.named("spare").text(), "--role", "startup"))
        admin.ok("sku", "add", "gb300", "--vendor", "NVIDIA", "--model", "GB300", "--memory-gb",
                 "288", "--power-w", "1400", "--interconnect", "NVLink 5", "--generation",
                 "blackwell")
        admin.ok("sku", "add", "h100", "--vendor", "NVIDIA", "--model", "H100", "--memory-gb",
                 "80", "--power-w", "700")
        users["gridco"].ok("site", "add", "batam", "--region", "ID", "--power-kw", "360000",
                           "--carbon", "620", "--certification",
                           "ISO 27001:TUV:2030-01-01T00:00:00Z")
        admin.ok("series", "create", "spring", "--funder", "fund", "--expires", "+365d")
        admin.ok("mint", "spring", "acme=1000", "beta=250.5")
        return users

    def offer(self, users, price="2.5", gpus="170000"):
        users["gridco"].ok("offer", "publish", "--site", "batam", "--sku", "gb300", "--gpus", gpus,
                           "--for", "30d", "--price", price)

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
            self.assertEqual(advice["best"], "training")
            command = advice["candidates"][0]["orders"][0]["command"]
            words = shlex.split(command)
            self.assertEqual(words[0], "bourse")
            self.assertIn("NVLink 5", words)
            got = acme.json(*words[1:])
            self.assertEqual(acme.json("order", "show", got["order"])["cost_ucr"],
                             advice["candidates"][0]["cost_ucr"])
            self.assertEqual(admin.json("order", "show", got["order"])["gpus_filled"], 4)
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
            words = acme.ok("order", "place", "--sku", "h100=1", "--gpus", "4", "--duration", "1d",
                            "--profile", "inference", "--funded", "2h", "--preemptible-ok")
            self.assertIn("4 of 4 GPUs for up to 96 credits", words)
            self.assertIn("8 credits are set aside, enough for 2h ", words)
            elastic = [row for row in acme.json("lease", "list") if row["elastic"]][0]
            self.assertEqual((elastic["preemptible"], elastic["notice_min"]), (True, 30))

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
                             "--series", "spring")["leases"][0]
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

    def test_accounts(self):
        """freeze, unfreeze and rekey; sealed key files"""
        with Exchange() as x:
            users = self.market(x)
            admin, acme = users["admin"], users["acme"]
            admin.ok("account", "freeze", "acme", "--reason", "a question")
            self.assertIn("frozen", acme.ok("account", "show"))
            self.assertIn("frozen", acme.ok("status"))
            self.assertIn("account_frozen", acme.fails(REFUSED, "token", "burn", "1"))
            admin.ok("account", "unfreeze", "acme")
            acme.ok("account", "rekey", "new.key")
            self.assertEqual(acme.json("status", "--key", "new.key")["you"], 2)
            self.assertEqual(acme.json("status")["you"],
                             2 if "new.key" in acme.ok("config", "show") else 0)
            acme.ok("token", "transfer", "beta=1", "--key", "new.key")

            (acme.home / "words").write_text("correct horse\n")
            (acme.home / "wrong").write_text("battery staple\n")
            acme.ok("keygen", "sealed.key", "--seal", "--passphrase-file", "words")
            self.assertNotIn("seed:", (acme.home / "sealed.key").read_text())
            acme.ok("status", "--key", "sealed.key", "--passphrase-file", "words")
            self.assertIn("passphrase", acme.fails(LOCAL, "status", "--key", "sealed.key",
                                                   "--passphrase-file", "wrong"))
            acme.fails(LOCAL, "keygen", "sealed.key")
            public = acme.ok("keygen", "-o", "other.key")
            self.assertEqual(acme.ok("keygen", "--show", "other.key"), public)
            os.chmod(acme.home / "new.key", 0o644)
            self.assertIn("chmod", acme.fails(LOCAL, "status", "--key", "new.key"))

    def test_keys(self):
        """a bot's key: asked for, added under limits, refused beyond them, removed"""
        with Exchange() as x:
            users = self.market(x)
            acme, beta = users["acme"], users["beta"]
            number = acme.json("status")["you"]
            # Somebody else makes the key: the secret never leaves them.
            bot = User(x, "bot", key=False)
            (bot.home / ".config" / "bourse").mkdir(parents=True, exist_ok=True)
            bot.ok("keygen")
            self.assertEqual(os.stat(bot.home / ".config/bourse/key").st_mode & 0o777, 0o600)
            line = bot.ok("key", "request", str(number)).strip()
            self.assertEqual(bot.json("key", "request", str(number))["request"], line)
            self.assertEqual(bot.json("status")["you"], 0)
            bot.fails(USAGE, "key", "request", "acme")
            bot.fails(USAGE, "key", "request", "0")
            # Lines that cannot be meant are refused before anything is sent.
            self.assertIn("account", beta.fails(USAGE, "key", "add", line))
            self.assertIn("all of it", acme.fails(USAGE, "key", "add", line[:-1]))
            acme.fails(USAGE, "key", "add", line, "--scopes", "everything")
            acme.fails(USAGE, "key", "add", line, "--daily", "0")
            made = acme.json("key", "add", line, "--label", "bot", "--scopes", "orders,credits",
                             "--daily", "100", "--expires", "+30d")
            self.assertEqual(made["account"], number)
            self.assertIn("key_taken", acme.fails(REFUSED, "key", "add", line))
            # The bot is the account now, within its limits.
            self.assertEqual(bot.json("status")["you"], number)
            self.assertIn("acme", bot.ok("status"))
            bot.ok("token", "transfer", "beta=99")
            said = bot.fails(REFUSED, "token", "transfer", "beta=2")
            self.assertIn("key_over_amount", said)
            self.assertIn("100 credits a day (UTC), and has moved 99 today", said)
            said = bot.fails(REFUSED, "lease", "end", "1")
            self.assertIn("key_out_of_scope", said)
            self.assertIn("It may sign: credits, orders.", said)
            self.assertIn("bot; may sign: credits, orders; 99 of 100", bot.ok("status"))
            self.assertIn("main_key_needed", bot.fails(REFUSED, "key", "remove", "bot"))
            self.assertIn("main_key_needed", bot.fails(REFUSED, "account", "rekey", "new.key"))
            [row] = acme.json("key", "list")
            self.assertEqual((row["label"], row["scopes"], row["spent_today_ucr"]),
                             ("bot", ["credits", "orders"], 99 * CREDIT))
            self.assertIn("bot", bot.ok("key", "list"))
            # Its right to listen ends with it, on connections that are open, too.
            follower = subprocess.Popen(
                [BOURSE, "events", "--follow", "--json"], env=bot.environment, cwd=bot.home,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertIn("genesis", follower.stdout.readline() + follower.stdout.readline())
            acme.fails(REFUSED, "key", "remove", "nobody")
            removed = acme.json("key", "remove", "bot")["index"]
            acme.ok("token", "transfer", "beta=1")
            users["admin"].ok("sku", "add", "h200", "--vendor", "NVIDIA", "--model", "H200",
                              "--memory-gb", "141", "--power-w", "900")
            seen = {}
            for text in follower.stdout:
                event = json.loads(text)
                seen[event["index"]] = event["event"]
                if event["event"] == "sku_added" and event["index"] > removed:
                    break
            follower.kill()
            follower.communicate()
            self.assertEqual([kind for index, kind in seen.items() if index >= removed],
                             ["sku_added"])
            self.assertEqual(acme.json("key", "list"), [])
            self.assertEqual(bot.json("status")["you"], 0)
            bot.fails(REFUSED, "token", "transfer", "beta=1")
            # By its public key, too; and a key that expires speaks for nobody from that second on,
            # and is told so.
            acme.ok("key", "add", line, "--expires", "+1h", "--scopes", "credits")
            bot.ok("token", "transfer", "beta=1")
            self.assertRegex(acme.ok("key", "list"), r"credits +no limit")
            self.assertIn("may sign: credits; expires", bot.ok("status"))
            x.advance(3600)
            status = bot.json("status")
            self.assertEqual((status["you"], [k["scopes"] for k in status["keys"]]),
                             (0, [["credits"]]))
            self.assertRegex(bot.ok("status"), "expired .*\n.*nobody, until the main key")
            for command in (("balance",), ("token", "transfer", "beta=1"), ("order", "cancel", "1"),
                            ("key", "list"), ("redeem", "--sku", "gb300=5", "--gpus", "1",
                                              "--duration", "1h")):
                self.assertIn("key_expired", bot.fails(REFUSED, *command))
            bot.ok("offer", "list")
            acme.ok("key", "remove", bot.ok("keygen", "--show").strip())
            self.assertEqual(bot.json("status")["keys"], [])
            self.assertIn("removed", bot.fails(REFUSED, "balance"))
            # Without scopes it may only look, and the list says so.
            acme.ok("key", "add", line, "--label", "looker")
            self.assertRegex(acme.ok("key", "list"), r"looker +none +no limit")
            self.assertIn("may only look", bot.ok("status"))
            acme.ok("key", "remove", bot.ok("keygen", "--show").strip())

    def test_errors(self):
        """errors go to stderr, name what is wrong and what to do, with an exit code per class"""
        with Exchange() as x:
            users = self.market(x)
            acme = users["acme"]
            rows = [
                (USAGE, ("tokn",), "token"),
                (USAGE, ("token", "transferr", "x=1"), "transfer"),
                (USAGE, ("token", "transfer", "beta"), "AMOUNT"),
                (USAGE, ("token", "transfer", "beta=1.2345678"), "1.2345678"),
                (USAGE, ("token", "transfer", "beta=-1"), "-1"),
                (USAGE, ("token", "list", "--frobnicate"), "frobnicate"),
                (USAGE, ("token", "list", "--limit"), "limit"),
                (USAGE, ("token", "show", "abc"), "abc"),
                (USAGE, ("quote", "--sku", "gb300", "--gpus", "8"), "duration"),
                (USAGE, ("quote", "--sku", "gb300", "--gpus", "8", "--duration", "5 parsecs"),
                 "parsecs"),
                (USAGE, ("redeem", "--sku", "gb300", "--gpus", "8", "--duration", "1h"), "limit"),
                (USAGE, ("account", "register", "x", "nokey", "--role", "startup"), "bourse-key"),
                (USAGE, ("clock", "advance", "yesterdayish"), "yesterdayish"),
                (USAGE, ("quote", "--sku", "gb300", "--gpus", "0", "--duration", "1h"),
                 "--gpus: 0 is below 1"),
                (USAGE, ("redeem", "--sku", "gb300", "--gpus", "0", "--duration", "1h",
                         "--any-price"), "--gpus: 0 is below 1"),
                (USAGE, ("quote", "--sku", "gb300", "--gpus", "8", "--duration", "0m"),
                 "--duration: 0 is below 1"),
                (USAGE, ("quote", "--sku", "gb300,1", "--gpus", "8", "--duration", "1h"), "twice"),
                (USAGE, ("sku", "add", "", "--vendor", "v", "--model", "m", "--memory-gb", "1",
                         "--power-w", "1"), "NAME: must not be empty"),
                (USAGE, ("sku", "add", "a\nb", "--vendor", "v", "--model", "m", "--memory-gb",
                         "1", "--power-w", "1"), "NAME: a line break"),
                (USAGE, ("sku", "show", "a\nb"), "line break"),
                (USAGE, ("mint", "1", *["2=1"] * 2001), "ACCOUNT=AMOUNT: 2001 items is above 2000"),
                (USAGE, ("payout", "spring", "1", "--reference", ""),
                 "--reference: must not be empty"),
                (USAGE, ("site", "add", "x", "--region", "id", "--power-kw", "1"), "ISO 3166"),
                (USAGE, ("token", "claim", "bourse-gift:v1:x"), "--file or standard input"),
                (REFUSED, ("mint", "spring", "acme=1"), "not_permitted"),
                (REFUSED, ("token", "transfer", "nobody=1"), "account list"),
                (REFUSED, ("token", "show", "999"), "token"),
                (REFUSED, ("token", "transfer", "beta=100000"), ""),
                (REFUSED, ("quote", "--sku", "gb300", "--gpus", "8", "--duration", "1h"),
                 "no_capacity"),
                (REFUSED, ("lease", "show", "77"), "lease list"),
                (REFUSED, ("receipt", "99999999"), "event"),
                (CONNECTION, ("status", "--server", "127.0.0.1:1"), "127.0.0.1:1"),
                (LOCAL, ("status", "--key", "missing.key"), "keygen"),
                (LOCAL, ("verify", "missing.receipt"), "missing.receipt"),
            ]
            for code, arguments, word in rows:
                with self.subTest(arguments=arguments):
                    done = acme(*arguments)
                    self.assertEqual(done.returncode, code, done.stderr)
                    self.assertIn(word, done.stderr)
                    self.assertEqual(done.stdout, "")
                    self.assertNotIn("\033", done.stderr)
            self.assertIn("not_permitted", users["audit"].fails(
                REFUSED, "redeem", "--sku", "gb300=3", "--gpus", "8", "--duration", "1h"))
            self.assertIn("cannot freeze itself", users["admin"].fails(REFUSED, "account", "freeze",
                                                                       "admin"))
            self.offer(users)
            self.assertIn("from 2.5 credits per GPU-hour", acme.fails(
                REFUSED, "redeem", "--sku", "gb300=2", "--gpus", "8", "--duration", "1h"))
            told = acme("mint", "spring", "acme=1", "--json")
            error = json.loads(told.stderr)["error"]
            self.assertEqual((error["refusal"], error["exit_code"], told.stdout),
                             ("not_permitted", REFUSED, ""))
            empty = User(x, "empty", key=False, config=False)
            self.assertIn("--exchange", empty("status").stderr)
            shutil.copytree(acme.home / ".config", empty.home / ".config")
            other = Exchange(origin="example.org/other", start=False)
            done = empty("status", "--exchange", other.pin.line)
            self.assertIn(done.returncode, (CONNECTION, UNTRUSTED), done.stderr)
            other.finalizer()

    def test_help(self):
        """help is there at every level, and names every subcommand"""
        def walk(path):
            done = run(BOURSE, *path, "--help", env={"HOME": "/nonexistent"})
            self.assertEqual(done.returncode, OK, path)
            self.assertIn("Usage: bourse", done.stdout)
            self.assertEqual(done.stderr, "")
            children = re.search(r"^Commands:\n((?:  .*\n)+)", done.stdout, re.M)
            count = 1
            for child in re.findall(r"^  (\S+)", children.group(1), re.M) if children else ():
                count += walk([*path, child])
            return count
        self.assertGreater(walk([]), 60)
        text = run(BOURSE, "--help", env={}).stdout
        for word in ("keygen", "account", "sku", "site", "series", "mint", "token", "offer",
                     "quote", "redeem", "order", "lease", "balance", "payout", "supply", "events",
                     "receipt", "verify"):
            self.assertRegex(text, rf"(?m)^  {word} ")
        self.assertRegex(run(BOURSE, "--version", env={}).stdout, r"\d+\.\d+")
        self.assertNotEqual(run(BOURSE, env={}).returncode, OK)

    def complete(self, script, line):
        words = line.split(" ")
        program = f"""source '{script}'
COMP_WORDS=({' '.join("'" + w + "'" for w in words)}); COMP_CWORD={len(words) - 1}
_bourse; printf '%s\\n' "${{COMPREPLY[@]}}" """
        return subprocess.run(["bash", "-c", program], capture_output=True, text=True,
                              check=True).stdout.split()

    def test_completion(self):
        """the completion script completes commands, subcommands and options in bash"""
        with Exchange(start=False) as x:
            script = x.folder / "completion"
            script.write_text(run(BOURSE, "completion", env={}).stdout)
            self.assertIn("token", self.complete(script, "bourse to"))
            self.assertEqual(self.complete(script, "bourse token tr"), ["transfer"])
            self.assertIn("--series", self.complete(script, "bourse token transfer --s"))
            self.assertIn("--json", self.complete(script, "bourse token transfer --j"))
            self.assertIn("--role", self.complete(script, "bourse account register --"))
            self.assertEqual(self.complete(script, "bourse --server h:1 tok"), ["token"])
            self.assertEqual(self.complete(script, "bourse account register --role a"),
                             ["admin", "auditor"])

    def test_follow(self):
        """events --follow prints them as they come, and goes on over a restart of the server"""
        with Exchange() as x:
            users = self.market(x)
            acme = users["acme"]
            size = acme.json("status")["log_size"]
            out = open(x.folder / "followed", "wb")
            process = subprocess.Popen(
                [str(BOURSE), "events", "--follow", "--json", "--from", str(size)],
                stdout=out, stderr=subprocess.PIPE, env=acme.environment, cwd=acme.home)
            x.processes.append(process)

            def followed():
                return (x.folder / "followed").read_text()

            def wait_for(word):
                until = time.monotonic() + 20
                while word not in followed():
                    self.assertIsNone(process.poll(), "it ended")
                    self.assertLess(time.monotonic(), until, f"{word} does not come")
                    time.sleep(0.02)
            users["admin"].ok("mint", "spring", "acme=7")
            wait_for("minted")
            x.port = x.address[1]
            x.restart()
            users["admin"].ok("series", "create", "autumn")
            wait_for("series_created")
            indexes = [json.loads(line)["index"] for line in followed().splitlines()]
            self.assertEqual(indexes, sorted(set(indexes)))
            self.assertGreaterEqual(indexes[0], size)
            process.terminate()
            process.wait(20)
            process.stderr.close()
            out.close()

    def test_follow_long(self):
        """events --follow waits for a server that is away for longer than the retries last, says
        so once, and misses nothing; another exchange in its place ends it"""
        with Exchange() as x:
            users = self.market(x)
            acme = users["acme"]
            size = acme.json("status")["log_size"]
            out, err = x.folder / "out", x.folder / "err"
            with open(out, "wb") as to, open(err, "wb") as notes:
                process = subprocess.Popen(
                    [str(BOURSE), "events", "--follow", "--from", str(size), "--retries", "0"],
                    stdout=to, stderr=notes, env=acme.environment, cwd=acme.home)
            x.processes.append(process)

            def wait_for(file, word, times=1):
                until = time.monotonic() + 30
                while file.read_text().count(word) < times:
                    self.assertIsNone(process.poll(), f"it ended: {err.read_text()}")
                    self.assertLess(time.monotonic(), until, f"{word} does not come")
                    time.sleep(0.02)
            users["admin"].ok("mint", "spring", "acme=7")
            wait_for(out, "minted")
            x.port = x.address[1]
            x.stop()
            wait_for(err, "connection lost; waiting for 127.0.0.1")
            down = time.monotonic() + 3  # three tries and more
            while time.monotonic() < down:
                self.assertIsNone(process.poll(), "it ended")
                time.sleep(0.1)
            x.start()
            users["admin"].ok("mint", "spring", "acme=8")
            wait_for(out, "minted", 2)
            wait_for(err, "connected again")
            users["admin"].ok("mint", "spring", "acme=9")
            wait_for(out, "minted", 3)
            self.assertEqual(err.read_text(), "connection lost; waiting for "
                             f"127.0.0.1:{x.port}\nconnected again\n")
            amounts = re.findall(r"outputs=acme:(\d+)", out.read_text())
            self.assertEqual(amounts, ["7", "8", "9"])
            x.stop()
            with Exchange(origin="example.org/other", start=False) as other:
                other.port = x.port
                other.start()
                self.assertEqual(process.wait(30), UNTRUSTED)
            self.assertIn("not the exchange that is pinned", err.read_text())

    def test_submit(self):
        """a file of operations as one signed request, atomic or not"""
        with Exchange() as x:
            users = self.market(x)
            acme = users["acme"]
            token = acme.json("token", "list")[0]["token"]
            me, beta = 2, 3
            operations = [
                {"operation": "token_transfer", "inputs": [token], "outputs": [
                    {"account": me, "amount_ucr": "999.5"},
                    {"account": beta, "amount_ucr": 500000}]},
                {"operation": "token_burn", "inputs": [token]}]
            done = acme("submit", "-", "--atomic", input_text=json.dumps(operations))
            self.assertEqual(done.returncode, REFUSED)
            self.assertIn("token_spent", done.stdout + done.stderr)
            self.assertEqual([t["token"] for t in acme.json("token", "list")], [token])
            acme("submit", "-", input_text=json.dumps(operations))
            self.assertEqual([t["amount_ucr"] for t in acme.json("token", "list")], [999_500_000])
            self.assertIn("inputz", acme.fails(USAGE, "submit", "-", input_text=json.dumps(
                [{"operation": "token_burn", "inputz": [1]}])))

    def test_rewritten_history(self):
        """a server that rewrote its history is caught, with an exit code of its own and evidence"""
        with Exchange() as x:
            users = self.market(x)
            admin, acme = users["admin"], users["acme"]
            x.stop()
            shutil.copytree(x.data, x.folder / "old")
            x.start()
            at = ("--server", acme.server())
            admin.ok("mint", "spring", "acme=1", *at)
            acme.ok("status", *at)
            kept = acme.json("status", *at)["log_size"]
            x.stop()
            shutil.rmtree(x.data)
            (x.folder / "old").rename(x.data)
            x.start()
            at = ("--server", acme.server())
            short = acme("status", *at)
            self.assertEqual(short.returncode, UNTRUSTED, short.stderr)
            newcomer = x.connect("admin")
            x.clients["admin"] = newcomer
            while newcomer.status().log_size <= kept + 5:
                newcomer.do("mint", series=1, outputs=[{"account": 2, "amount_ucr": 1}])
            for command in (("status",), ("token", "list"), ("mint", "spring", "acme=1")):
                message = acme.fails(UNTRUSTED, *command, *at)
                self.assertRegex(message, "histor|rewr|contradict|continue")
            files = [p for p in pathlib.Path(acme.home).rglob("fork-*")]
            self.assertTrue(files, "no evidence was kept")
            self.assertTrue(any(file.name in message for file in files), message)
            self.assertIn("error", json.loads(acme("status", "--json", *at).stderr))

    def test_impostor(self):
        """a server with another key, or one that only listens, is told apart"""
        with Exchange() as x, Exchange(origin="example.org/impostor") as other:
            acme = User(x, "acme")
            done = acme("status", "--server", "%s:%d" % other.address)
            self.assertIn(done.returncode, (CONNECTION, UNTRUSTED), done.stderr)
            self.assertRegex(done.stderr, "pin|key|exchange")
            with socket.create_server(("127.0.0.1", 0)) as silent:
                done = acme("status", "--server", "127.0.0.1:%d" % silent.getsockname()[1],
                            "--timeout", "1", "--retries", "0")
                self.assertEqual(done.returncode, CONNECTION, done.stderr)

    def test_hostile_names(self):
        """control characters that others chose never reach the terminal"""
        with Exchange() as x:
            users = self.market(x)
            self.offer(users)
            acme, gridco = users["acme"], users["gridco"]
            lease = acme.json("redeem", "--sku", "gb300=3", "--gpus", "1", "--duration",
                              "1h")["leases"][0]
            gridco.fails(USAGE, "lease", "end", "\033[31m")
            (gridco.home / "access").write_bytes(b"\033]0;owned\007")
            gridco.ok("lease", "activate", lease, "--access-file", "access")
            # To a file or pipe the bytes go as they are: they may be binary.
            self.assertEqual(acme.ok("lease", "access", lease).encode(), b"\033]0;owned\007")

    def test_concurrent(self):
        """several commands of one user at once keep one head of the log and lose nothing"""
        with Exchange() as x:
            users = self.market(x)
            acme = users["acme"]
            processes = [subprocess.Popen(
                [str(BOURSE), "token", "transfer", "beta=1", "--tokens", str(t), "--json"],
                env=acme.environment, cwd=acme.home, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True) for t in self.ten_tokens(acme)]
            for process in processes:
                out, err = process.communicate(timeout=120)
                self.assertEqual(process.returncode, OK, err)
            self.assertEqual(users["beta"].json("balance")[0]["tokens_ucr"], 260_500_000)
            acme.ok("status")

    @staticmethod
    def ten_tokens(user):
        token = user.json("token", "list")[0]["token"]
        user.ok("token", "split", token, *["1"] * 10)
        return [t["token"] for t in user.json("token", "list") if t["amount_ucr"] == CREDIT]


class Real(unittest.TestCase):
    def test_import(self):
        """a small trace gives the same log root every time, and an outcome for each task"""
        with tempfile.TemporaryDirectory(prefix="bourse-e2e-trace-") as folder:
            folder = pathlib.Path(folder)
            (folder / "nodes.csv").write_text(
                "sn,cpu_milli,memory_mib,gpu,model\n" +
                "".join(f"n{i},96000,393216,8,{'V100M32' if i % 2 else 'G3'}\n"
                        for i in range(6)) + "c1,96000,393216,0,\n")
            (folder / "tasks.csv").write_text(
                "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,"
                "deletion_time,scheduled_time\n" +
                "".join(f"t{i},1000,1024,{1 + i % 8},1000,"
                        f"{['', 'G3', 'V100M32', 'G3|V100M32'][i % 4]},{'LS' if i % 2 else 'BE'},"
                        f"Succeeded,{i * 97},{i * 97 + 60 * (1 + i % 50)},{i * 97}\n"
                        for i in range(80)))
            results = []
            for seed in (1, 1, 2):
                done = run(BOURSE, "import", "--nodes", folder / "nodes.csv", "--tasks",
                           folder / "tasks.csv", "--seed", seed, "--json",
                           env={**os.environ, "HOME": str(folder)}, timeout=300)
                self.assertEqual(done.returncode, OK, done.stderr)
                results.append(json.loads(done.stdout))
            one, two, other = results
            self.assertEqual(one["tasks"], 80)
            self.assertEqual(sum(one["outcomes"].values()), 80)
            self.assertEqual(one["log_root"], two["log_root"])
            self.assertNotEqual(one["log_root"], other["log_root"])
            for key in ("refusals", "gpu_hours_sold", "utilisation", "credits_settled",
                        "redemptions_per_s", "wall_s"):
                self.assertIn(key, one)

    def test_import_whole_book(self):
        """orders that rest, are spread and are preempted; the same twice, and a plot of it"""
        with tempfile.TemporaryDirectory(prefix="bourse-e2e-trace-") as folder:
            folder = pathlib.Path(folder)
            self.write_crowd(folder)
            results = []
            for name in ("one.svg", "two.svg"):
                done = self.run_import(
                    folder, "--operators", "2", "--resting", "50", "--rest", "4h", "--spread", "20",
                    "--preemptible", "30", "--reclaim", "50", "--standing", "30",
                    "--price-spread", "10", "--plot", folder / name)
                self.assertEqual(done.returncode, OK, done.stderr)
                results.append(json.loads(done.stdout))
            one, two = results
            self.assertEqual(one["log_root"], two["log_root"])
            self.assertEqual(one["outcomes"], two["outcomes"])
            self.assertEqual(sum(one["outcomes"].values()), 300)
            for outcome in ("filled", "filled_later", "expired", "refused"):
                self.assertGreater(one["outcomes"][outcome], 0, outcome)
            for count in ("leases_ahead", "ended_early", "reclaimed", "rest_hours_mean"):
                self.assertGreater(one[count], 0, count)
            self.assertNotEqual(one["price_of_base"], 1)
            self.check_plot(folder / "one.svg", one)
            self.assertEqual((folder / "one.svg").read_bytes(), (folder / "two.svg").read_bytes())

    def test_import_progress(self):
        """on a terminal a bar grows to its full length and fits a line, whatever the file's size"""
        with tempfile.TemporaryDirectory(prefix="bourse-e2e-trace-") as folder:
            folder = pathlib.Path(folder)
            self.write_crowd(folder, 3000)
            ours, theirs = pty.openpty()
            with subprocess.Popen([BOURSE, "import", "--nodes", folder / "nodes.csv", "--tasks",
                                   folder / "tasks.csv"], stdout=subprocess.DEVNULL, stderr=theirs,
                                  env={**os.environ, "HOME": str(folder)}) as process:
                os.close(theirs)
                drawn = b""
                try:
                    while more := os.read(ours, 65536):
                        drawn += more
                except OSError:  # the terminal is closed
                    pass
                self.assertEqual(process.wait(timeout=300), OK, drawn)
            os.close(ours)
            bars = re.findall(r"\[(#*)(\.*)\] (\d+)/(\d+) tasks  (\S+)", drawn.decode())
            self.assertGreater(len(bars), 2)
            self.assertEqual([b[3] for b in bars], ["3000"] * len(bars))
            self.assertEqual([int(b[2]) for b in bars], sorted(int(b[2]) for b in bars))
            for full, empty, done, _, _ in bars:
                self.assertEqual(len(full) + len(empty), 40)
                self.assertAlmostEqual(len(full), int(done) / 3000 * 40, delta=1)
            self.assertEqual(bars[-1][2], "3000")
            self.assertLess(max(len(line) for line in drawn.decode().split("\r")), 80)

    def check_plot(self, file, result):
        """well-formed, light, without script; its lines are named and show the shares reported"""
        self.assertLess(file.stat().st_size, 200_000)
        svg = "{http://www.w3.org/2000/svg}"
        root = xml.etree.ElementTree.parse(file).getroot()
        self.assertEqual(root.tag, svg + "svg")
        self.assertEqual(root.get("viewBox"), "0 0 900 360")
        self.assertIsNone(root.find(f".//{svg}script"))
        texts = [t.text for t in root.iter(svg + "text")]
        self.assertIn("leased, % of the GPUs offered", texts)
        self.assertIn("time (UTC)", texts)
        lines = {p.find(svg + "title").text: p.get("d") for p in root.iter(svg + "path")
                 if p.get("class") == "line"}
        self.assertEqual(len(lines), 4)
        for name, share in {"all": result["utilisation_all"], **result["utilisation"]}.items():
            found = [text for text in lines if text.startswith(name + " (")]
            self.assertEqual(len(found), 1, lines)
            # The last step may reach beyond the trade, where there is nothing.
            shown = float(re.search(r"\(([0-9.]+) %\)", found[0]).group(1))
            self.assertAlmostEqual(shown, 100 * share, delta=0.5)

    def test_import_bad_lines(self):
        """bad lines are named and end it, or are skipped on request; so is a plot that cannot be"""
        with tempfile.TemporaryDirectory(prefix="bourse-e2e-trace-") as folder:
            folder = pathlib.Path(folder)
            self.write_crowd(folder, 5)
            with open(folder / "tasks.csv", "a", encoding="ascii") as tasks:
                tasks.write("1,T4,LS,0\n" + "none,T4,LS,0,60\n" * 30)
            done = self.run_import(folder)
            self.assertEqual(done.returncode, LOCAL)
            self.assertIn(f"{folder}/tasks.csv:7: 4 columns where the first line has 5",
                          done.stderr)
            self.assertIn(f"{folder}/tasks.csv:26: num_gpu: not a number of digits", done.stderr)
            self.assertNotIn("tasks.csv:27:", done.stderr)
            self.assertIn("tasks.csv: 31 lines are wrong, of which the first 20", done.stderr)
            self.assertEqual(done.stdout, "")
            done = self.run_import(folder, "--skip-bad")
            self.assertEqual(done.returncode, OK, done.stderr)
            result = json.loads(done.stdout)
            self.assertEqual(result["tasks"], 5)
            self.assertEqual(result["skipped"]["tasks"], 31)
            self.assertEqual(result["skipped"]["nodes"], 0)
            self.assertEqual(len(result["skipped"]["lines"]), 21)
            for file in (folder / "none" / "plot.svg", folder):
                done = self.run_import(folder, "--skip-bad", "--plot", file)
                self.assertEqual(done.returncode, LOCAL)
                self.assertIn(f"--plot {file}", done.stderr)

    @staticmethod
    def write_crowd(folder, count=300):
        (folder / "nodes.csv").write_text(
            "gpu,model\n" + "".join(f"2,{'G2' if i % 2 else 'T4'}\n" for i in range(6)))
        (folder / "tasks.csv").write_text(
            "num_gpu,gpu_spec,qos,creation_time,deletion_time\n" +
            "".join(f"{3 if i % 9 == 8 else 1},{['', 'T4', 'G2'][i % 3]},"
                    f"{'LS' if i % 2 else 'BE'},{i * 700},"
                    f"{i * 700 + 60 * (5 + i * 37 % 400)}\n" for i in range(count)))

    @staticmethod
    def run_import(folder, *options):
        return run(BOURSE, "import", "--nodes", folder / "nodes.csv", "--tasks",
                   folder / "tasks.csv", "--json", *options,
                   env={**os.environ, "HOME": str(folder)}, timeout=300)

    def test_bench(self):
        """bench transfer starts a server of its own and prints its figures"""
        done = run(BOURSE, "bench", "transfer", "--batch", "100", "--tokens", "2000",
                   "--seconds", "2", "--json",
                   env={**os.environ}, timeout=300)
        self.assertEqual(done.returncode, OK, done.stderr)
        figures = json.loads(done.stdout)
        self.assertGreater(figures["ops_per_s"], 0)
        self.assertLessEqual(figures["p50_ms"], figures["p99_ms"])
        tap.note(f"{figures['ops_per_s']:.0f} transfers/s in this small run")

    def test_bench_redeem(self):
        """bench redeem starts servers of its own and prints a curve for each shape of market"""
        done = run(BOURSE, "bench", "redeem", "--quick", "--json", env={**os.environ}, timeout=300)
        self.assertEqual(done.returncode, OK, done.stderr)
        shapes = {shape["shape"]: shape for shape in json.loads(done.stdout)["shapes"]}
        for name in ("redeem_alike", "redeem_sold_out", "redeem_elsewhere", "ask_alike",
                     "ask_too_large", "ask_elsewhere", "ask_other_times", "ask_too_long"):
            points = shapes[name]["points"]
            self.assertEqual([point["count"] for point in points], [200, 400])
            for point in points:
                works = {"measured", "floor_transfer"}
                works |= {"floor_publish"} if name.startswith("ask") else set()
                self.assertEqual(set(point) - {"count"}, works)
                for work in works:
                    self.assertEqual(point[work]["samples"], 10)
                    self.assertGreater(point[work]["wall_us"], 0)
            self.assertEqual(points[0]["measured"]["wall_ratio"], 1)


tap.main()
