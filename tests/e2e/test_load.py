"""Everything at once for a while, bounded by the number of requests: for ThreadSanitizer above all,
which then must have nothing to say."""
import random
import shutil
import socket
import threading
import time
import unittest

import tap
from exchange import CREDIT, SANITIZED, Exchange, boursed, order, seed, world
from messages import operation
from subscriber import Subscriber
from trader import Trader
from wire import PREAMBLE, Feeder, Refused

SECONDS = 15 if SANITIZED else 8
REQUESTS = 4000 if SANITIZED else 6000


class Load(unittest.TestCase):
    def test_everything_at_once(self):
        """trades, quotes, subscriptions, visits, check and backup side by side"""
        rng = random.Random(seed())
        with Exchange(clock="real") as x:
            w = world(x)
            sink = x.account("sink")
            w["start_s"] = w.alice.query("offers", offer=w.offer).rows[0].start_s
            clients = [x.account(f"trader-{i}") for i in range(3)]
            x.mint(w.series, *[(c, 100 * CREDIT) for c in clients for _ in range(20)])
            traders = [Trader(c, w.series, sink.account, w, random.Random(rng.random()))
                       for c in clients]
            until = time.monotonic() + SECONDS
            over = threading.Event()

            def stopped():
                return over.is_set() or time.monotonic() > until

            done = {"quotes": 0, "visits": 0, "events": 0, "checks": 0, "offers": 0}

            def quote():
                with x.connect("bob") as client:
                    while not stopped():
                        try:
                            client.query("quote", **order(w.sku, gpus=rng.randint(1, 2000)),
                                         why=True)
                            client.rows("offers")
                            client.query("supply")
                        except Refused:
                            pass
                        done["quotes"] += 1

            def publish():
                with x.connect("operator-1") as client:
                    while not stopped():
                        offer = x.offer(client, w.site, w.sku, gpus=rng.randint(1, 50),
                                        start_s=w.start_s, hours=rng.randint(1, 48))
                        client.do("offer_withdraw", offer=offer)
                        done["offers"] += 1

            def visit():
                while not stopped():
                    kind = rng.randrange(4)
                    if kind == 0:
                        with socket.create_connection(x.address, timeout=10) as sock:
                            sock.sendall(PREAMBLE[:rng.randint(0, 8)])
                    elif kind == 1:
                        with x.connect("alice") as client:
                            for _ in range(20):
                                client.send_query("tokens")
                    elif kind == 2:
                        with x.connect("admin") as client:
                            client.subscribe(0)
                            client.subscribe(rng.randint(0, 100))
                    else:
                        with x.connect("visitor") as client:
                            client.check_log()
                            client.rows("offers")
                    done["visits"] += 1

            def watch():
                subscriber = Subscriber(x.connect("admin"))
                while not stopped():
                    subscriber.subscribe()
                    for _ in range(20):
                        if stopped():
                            break
                        subscriber.step()
                    subscriber.client.close()
                    subscriber.client = x.connect("admin")
                done["events"] = len(subscriber.seen)
                assert subscriber.indexes() == list(range(subscriber.next)), "gaps or duplicates"
                subscriber.client.close()

            def inspect():
                while not stopped():
                    x.check()
                    target = x.folder / "backup"
                    backup = boursed("backup", "--data", x.data, "--to", target)
                    assert backup.returncode == 0, backup.stderr
                    checked = boursed("check", "--data", target)
                    assert checked.returncode == 0, checked.stdout + checked.stderr
                    shutil.rmtree(target)
                    done["checks"] += 1
                    time.sleep(1)

            feeders = [Feeder(t.load, stopped, REQUESTS) for t in traders]
            others = [Feeder(work) for work in (quote, publish, visit, watch, inspect)]
            for feeder in feeders:
                feeder.finish()
            over.set()
            # Who waits for the next event gets one.
            deadline = time.monotonic() + 120
            while any(f.is_alive() for f in others) and time.monotonic() < deadline:
                w.bob.request(operation("token_burn", inputs=[10**9]))
                time.sleep(0.05)
            for feeder in others:
                feeder.finish()
            for trader in traders:
                trader.holdings()
                trader.same_replies(20)
            tap.note(f"{sum(len(t.acknowledged) for t in traders)} requests, {done}")
            for name, count in done.items():
                self.assertGreater(count, 0, name)
            x.books()
            x.stop()
            x.check()


tap.main()
