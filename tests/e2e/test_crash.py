"""SIGKILL at random moments under load. What was acknowledged is there exactly once, what was not
can be asked about again, and the log never forks."""
import collections
import random
import re
import threading
import time
import unittest

import tap
from dealer import Dealer
from exchange import CREDIT, LONG, SANITIZED, Exchange, boursed, seed, world
from messages import Record
from partner import GRANTS, Book, Partner, begin, stands
from trader import Trader
from wire import Feeder

KILLS = 200 if LONG else 8 if SANITIZED else 20
MARKET_KILLS = 60 if LONG else 10
CONTRACT_KILLS = 60 if LONG else 5 if SANITIZED else 10
TRADERS = 4
ROUNDS = (5, 40, 120, 300, 600)  # requests acknowledged before a kill


def rounds(kills, rng):
    """How many requests each kill waits for: together the same on any machine."""
    sizes = [ROUNDS[i % len(ROUNDS)] for i in range(kills)]
    rng.shuffle(sizes)
    return sizes


class Round:
    """Load until so many more requests are acknowledged, and on until `ended` is set."""

    def __init__(self, traders, size):
        self.traders = traders
        self.until = self.acknowledged() + size
        self.enough, self.ended = threading.Event(), threading.Event()
        self.feeders = [Feeder(t.load, self.is_over) for t in traders]

    def acknowledged(self):
        return sum(len(t.acknowledged) for t in self.traders)

    def is_over(self):
        if self.acknowledged() >= self.until:
            self.enough.set()
        return self.ended.is_set()

    def wait(self):
        """For the requests, or for all traders to have failed."""
        while not self.enough.wait(0.5) and any(f.is_alive() for f in self.feeders):
            pass

    def finish(self):
        self.ended.set()
        for feeder in self.feeders:
            feeder.finish()


class Crash(unittest.TestCase):
    def kill_under_load(self, x, traders, size, rng):
        """One round: load, a kill at a random moment, a restart, everything asked about again."""
        load = Round(traders, size)
        load.wait()
        time.sleep(rng.random() * 0.01)  # wherever it is then
        x.kill()
        load.finish()
        on_their_way = sum(len(t.pending) for t in traders)
        if rng.random() < 0.25:
            # The next one dies while it starts, perhaps in the middle of its recovery.
            x.spawn()
            time.sleep(rng.random() * 0.1 * (4 if SANITIZED else 1))
            x.kill()
        x.start()
        for trader in traders:
            trader.client.connect(x.address)  # verifies that the log continues what it saw
            trader.retry()
        return on_their_way

    def test_kills(self):
        """acknowledged requests survive SIGKILL, exactly once, in one history"""
        rng = random.Random(seed())
        with Exchange(clock="real") as x:
            w = world(x)
            sink = x.account("sink")
            offer = w.alice.query("offers", offer=w.offer).rows[0]
            w["start_s"] = offer.start_s
            names = [f"trader-{i}" for i in range(TRADERS)]
            clients = [x.account(name) for name in names]
            x.mint(w.series, *[(c, 100 * CREDIT) for c in clients for _ in range(20)])
            minted = 20 * 100 * CREDIT
            traders = [Trader(c, w.series, sink.account, w, random.Random(rng.random()))
                       for c in clients]
            on_their_way = 0
            for kill, size in enumerate(rounds(KILLS, rng)):
                on_their_way += self.kill_under_load(x, traders, size, rng)
                for trader in traders:
                    trader.same_replies(3)
                    trader.holdings()
                if kill % 10 == 3:
                    x.check()
                if kill % 7 == 5:
                    x.restart(reconnect=False)  # an orderly one now and then
                    for trader in traders:
                        trader.client.connect(x.address)
            for trader in traders:
                trader.old_receipts()
                trader.holdings()
                self.assertEqual(sum(trader.pool.values()) + trader.paid + trader.escrow +
                                 trader.burned, minted)
            sink.connect(x.address)
            w.admin.connect(x.address)
            self.assertEqual(sink.balance(w.series).tokens_ucr, sum(t.paid for t in traders))
            self.once_in_the_log(x, traders)
            for client in (w.alice, w.bob, w.operator):
                client.connect(x.address)
            x.books()
            tap.note(f"{KILLS} kills, {sum(len(t.acknowledged) for t in traders)} requests "
                     f"acknowledged, {on_their_way} on their way when it was killed, "
                     f"{sum(len(t.receipts) for t in traders)} receipts kept, "
                     f"{sum(t.leases for t in traders)} leases")
            self.assertGreater(on_their_way, 0)
            x.stop()
            x.check()

    def once_in_the_log(self, x, traders):
        """Each acknowledged request has one event of its own in the log."""
        size = x.admin.status().log_size
        times = collections.Counter(
            (event.by, event.id)
            for _, name, event, _ in x.admin.events_until(x.admin.subscribe(0), size)
            if name == "request")
        for trader in traders:
            for request, _ in trader.acknowledged:
                self.assertEqual(times[trader.client.account, request.id], 1)
        self.assertEqual([k for k, v in times.items() if v != 1], [])

    def dealers(self, x, rng):
        """Three startups and two operators with sites of their own; each holds tokens."""
        series, sku = x.series(), x.sku()
        market = Record(sku=sku)
        dealers = []
        for i in range(5):
            operates = i < 2
            client = x.account(f"dealer-{i}", "operator" if operates else "startup")
            sites = [x.site(client, f"hall-{i}-{k}") for k in range(2)] if operates else []
            x.mint(series, *[(client, 1000 * CREDIT)] * 40)
            dealers.append(Dealer(client, series, market, random.Random(rng.random()), sites))
        return dealers

    def referee(self, data):
        """The whole journal against the slow matcher; how many searches were compared."""
        done = boursed("check", "--data", data, "--market", timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout[-4000:] + done.stderr[-4000:])
        return int(re.search(r"(\d+) searches", done.stdout).group(1))

    def test_kills_of_a_market(self):
        """a market killed again and again adds up, and its journal stands up to the referee"""
        rng = random.Random(seed())
        with Exchange(clock="real") as x:
            dealers = self.dealers(x, rng)
            on_their_way = 0
            for size in rounds(MARKET_KILLS, rng):
                on_their_way += self.kill_under_load(x, dealers, size, rng)
                for dealer in dealers:
                    dealer.same_replies(3)
                    dealer.look()
            x.admin.connect(x.address)
            self.once_in_the_log(x, dealers)
            x.books()
            events = collections.Counter(
                name for _, name, _, _ in x.admin.events_until(x.admin.subscribe(0),
                                                               x.admin.status().log_size))
            x.stop()
            x.check()
            searches = self.referee(x.data)
            tap.note(f"{MARKET_KILLS} kills, {events['request']} requests acknowledged, "
                     f"{on_their_way} on their way when it was killed, {searches} searches "
                     f"compared, {events['traded']} trades")
            self.assertGreater(on_their_way, 0)
            self.assertGreater(events["traded"], 0)
            self.goes_on_elsewhere(x, rng)

    def goes_on_elsewhere(self, x, rng):
        """Resting orders and offers keep their places under a new origin, where the log begins
        anew: what comes later is younger."""
        data, old = x.data, x.clients
        done = boursed("backup", "--data", data, "--to", x.folder / "backup")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = boursed("restore", "--from", x.folder / "backup", "--data", x.folder / "new",
                       "--origin", "example.org/e2e-2", "--root-key", data / "keys" / "root.key")
        self.assertEqual(done.returncode, 0, done.stderr)
        x.data, x.clients = x.folder / "new", {}
        for client in old.values():
            client.close()
        x.start()
        market = Record(sku=1)
        dealers = [Dealer(x.client(f"dealer-{i}"), 1, market, random.Random(rng.random()),
                          [2 * i + 1, 2 * i + 2] if i < 2 else []) for i in range(5)]
        for dealer in dealers:
            dealer.look()
            dealer.load(lambda: False, 60)
        x.books()
        x.stop()
        x.check()
        self.referee(x.data)

    def partners(self, x, rng):
        """Who makes contracts with each other, and the market they are about."""
        w = Record(series=x.series(), sku=x.sku())
        clients = {name: x.account(name, role) for name, role in (
            ("funder", "guarantor"), ("operator", "operator"), ("beneficiary", "guarantor"),
            ("startup-1", "startup"), ("startup-2", "startup"), ("bea", "admin"))}
        for name in ("funder", "operator", "beneficiary"):
            w[name] = clients[name].account
        w["startups"] = [clients["startup-1"].account, clients["startup-2"].account]
        w["seeds"] = [x.series(f"seed-{i}", funder=w.funder) for i in range(GRANTS)]
        w["control"] = x.series("control")
        w["site"] = x.site(clients["operator"])
        x.offer(clients["operator"], w.site, w.sku, gpus=400)
        for name in ("funder", "operator", "startup-1", "startup-2"):
            x.mint(w.series, *[(clients[name], 3 * CREDIT)] * 90)
        for seed_series in w.seeds:
            x.mint(seed_series, *[(clients["funder"], 10 * CREDIT)] * 20)
        # From now on several admins are needed to mint.
        x.admin.do("policy_propose", approvals=2, mint_limit_ucr=1)
        book = Book()
        profiles = {"startup-1": "startup", "startup-2": "startup", "bea": "admin"}
        partners = [Partner(client, profiles.get(name, name), w, book, random.Random(rng.random()))
                    for name, client in (*clients.items(), ("bea", x.connect("admin")))]
        begin(w, book, partners[0], partners[1], partners[3:5])
        for partner in partners:
            partner.look()
        return w, book, partners

    def test_kills_of_contracts(self):
        """what was accepted, funded, elected, declared, paid, called, approved survives SIGKILL"""
        rng = random.Random(seed())
        with Exchange(clock="real") as x:
            w, book, partners = self.partners(x, rng)
            on_their_way = 0
            for size in rounds(CONTRACT_KILLS, rng):
                on_their_way += self.kill_under_load(x, partners, size, rng)
                x.admin.connect(x.address)
                stands(x.admin, w, book)
                for partner in partners:
                    partner.same_replies(3)
                    partner.look()
            self.once_in_the_log(x, partners)
            x.books()
            x.stop()
            done = x.check()
            worked_out, = re.findall(r"^ok +contract (.*?); the image", done.stdout, re.M)
            tap.note(f"{CONTRACT_KILLS} kills, {on_their_way} requests on their way when it was "
                     f"killed; {worked_out}")
            self.assertGreater(on_their_way, 0)
            for what in ("backstop_elect", "royalty_pay", "royalty_record", "guarantee_call"):
                self.assertTrue(any(key[0] == what for key in book.sums), what)
            self.assertTrue(book.leases and book.accepted and book.months)

    def test_killed_before_it_ever_served(self):
        """a server killed while it is first started can be started again"""
        rng = random.Random(seed())
        with Exchange(start=False) as x:
            for _ in range(3 if SANITIZED else 10):
                x.spawn()
                time.sleep(rng.random() * 0.05 * (6 if SANITIZED else 1))
                x.kill()
            x.start()
            world(x)
            x.books()
            x.stop()
            x.check()

    def test_stopped_under_load(self):
        """SIGTERM under load ends with code 0 and loses nothing acknowledged"""
        rng = random.Random(seed())
        with Exchange(clock="real") as x:
            w = world(x)
            w["start_s"] = w.alice.query("offers", offer=w.offer).rows[0].start_s
            x.mint(w.series, *[(w.alice, 100 * CREDIT)] * 20)
            trader = Trader(w.alice, w.series, w.bob.account, w, rng)
            for _ in range(3):
                feeder = Feeder(trader.load, lambda: False)
                time.sleep(0.3)
                x.stop()
                feeder.finish()
                x.start()
                trader.client.connect(x.address)
                trader.retry()
                trader.same_replies(5)
                trader.holdings()
            x.stop()
            x.check()


tap.main()
