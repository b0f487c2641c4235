"""SIGKILL at random moments under load. What was acknowledged is there exactly once, what was not
can be asked about again, and the log never forks."""
import collections
import random
import time
import unittest

import tap
from exchange import CREDIT, LONG, SANITIZED, Exchange, seed, world
from trader import Trader
from wire import Feeder

KILLS = 200 if LONG else 5 if SANITIZED else 20
TRADERS = 4


class Crash(unittest.TestCase):
    def kill_under_load(self, x, traders, rng):
        """One round: load, a kill at a random moment, a restart, everything asked about again."""
        stopped = []
        feeders = [Feeder(t.load, lambda: bool(stopped)) for t in traders]
        time.sleep(rng.choice([0.02, 0.1, 0.3, 0.8, 2.4]) * rng.random() * (3 if SANITIZED else 1))
        x.kill()
        stopped.append(True)
        for feeder in feeders:
            feeder.finish()
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
            for kill in range(KILLS):
                on_their_way += self.kill_under_load(x, traders, rng)
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
