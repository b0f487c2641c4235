"""Subscriptions resume without gaps and duplicates, and show nothing too early or to others."""
import random
import time
import unittest

import tap
from exchange import SANITIZED, Exchange, order, seed, transfer, world
from keys import sha256
from messages import TABLE, decode_event, operation, token_reference
from proof import leaf_hash, tree_root
from subscriber import Subscriber
from wire import Channel, Client, Feeder


class Resuming(unittest.TestCase):
    def test_reconnects_and_restarts(self):
        """an admin that resumes at random places sees every index once, across restarts too"""
        rng = random.Random(seed())
        with Exchange() as x:
            w = world(x)
            token, = x.mint(w.series, (w.alice, 1000))
            all_of_it = Subscriber(x.connect("admin"))
            his = Subscriber(x.connect("bob"))
            for turn in range(4 if SANITIZED else 8):
                for subscriber, name in ((all_of_it, "admin"), (his, "bob")):
                    subscriber.client.close()
                    subscriber.client = x.connect(name)
                    subscriber.subscribe()
                for _ in range(rng.randint(5, 30)):
                    result = w.alice.do("token_transfer", inputs=[token], outputs=[
                        {"account": w.bob.account, "amount_ucr": 1},
                        {"account": w.alice.account, "amount_ucr": 999}])
                    token = x.mint(w.series, (w.alice, 1000))[0]
                    if rng.random() < 0.3:
                        all_of_it.step()
                all_of_it.follow(rng.randint(all_of_it.next, result.index))
                if turn % 3 == 2:
                    x.restart()
            for subscriber, name in ((all_of_it, "admin"), (his, "bob")):
                subscriber.client.close()
                subscriber.client = x.connect(name)
                subscriber.subscribe()
            head = w.admin.check_log()
            all_of_it.follow(head.size)
            self.assertEqual(all_of_it.indexes()[:head.size], list(range(head.size)))
            leaves = [leaf_hash(e[3]) for e in all_of_it.seen[:head.size]]
            self.assertEqual(tree_root(leaves), head.root)
            # Bob missed none of his own: each token he has was announced to him.
            his.follow(head.size)
            announced = set()
            for _, name, event, _ in his.seen:
                if name == "token_transferred":
                    announced |= {event.token_first + i for i, o in enumerate(event.outputs)
                                  if o.account == w.bob.account}
            self.assertLessEqual({t.token for t in w.bob.tokens()}, announced)
            self.assertEqual(len(his.indexes()), len(set(his.indexes())))
            for subscriber in (all_of_it, his):
                subscriber.client.close()

    def test_from_any_index(self):
        """a subscription begins exactly at the index it names"""
        with Exchange() as x:
            w = world(x)
            size = w.admin.check_log().size
            for start in (0, 1, size // 2, size - 1, size):
                with x.connect("admin") as client:
                    events = client.events_until(client.subscribe(start), size)
                    self.assertEqual([e[0] for e in events if e[0] < size],
                                     list(range(start, size)))

    def test_beyond_the_end(self):
        """a subscription from a future index waits for it"""
        with Exchange() as x:
            w = world(x)
            size = w.admin.status().log_size
            with x.connect("admin") as client:
                seq = client.subscribe(size + 3)
                for _ in range(4):
                    w.alice.request(operation("token_burn", inputs=[99]))
                seen = []
                while not seen:
                    seen += client.events(seq)[1]
                self.assertGreaterEqual(seen[0][0], size + 3)

    def test_slow_reader(self):
        """a subscriber that reads late gets all of a long log, also when nothing else happens"""
        with Exchange() as x:
            w = world(x)
            token, = x.mint(w.series, (w.alice, 1))
            to_self = [(w.alice.account, 1)]
            for _ in range(4 if SANITIZED else 6):
                chain = [transfer([token], *to_self)] + [
                    transfer([token_reference(i, 0)], *to_self) for i in range(8000)]
                token = w.alice.request(chain).results[-1].token_first
            client = Client(x.address, x.pin, x.admin_keys, connect=False)
            client.channel = Channel(x.address, x.pin, x.admin_keys, receive_buffer=4096)
            with client:
                size = client.status().log_size
                seqs = [client.subscribe(0) for _ in range(3)]
                # By the time of this answer the server has more for us than the socket takes.
                w.alice.status()
                time.sleep(0.5)
                for seq in seqs:
                    indexes = [e[0] for e in client.events_until(seq, size)]
                    self.assertEqual(indexes, list(range(size)))

    def test_unsubscribe(self):
        """after unsubscribing nothing comes any more; several subscriptions live side by side"""
        with Exchange() as x:
            w = world(x)
            with x.connect("admin") as client:
                size = client.status().log_size
                one, two = client.subscribe(size), client.subscribe(0)
                client.events(one)
                client.events_until(two, size)
                client.send("unsubscribe", seq=one)
                client.status()
                w.alice.request(operation("token_burn", inputs=[99]))
                client.events(two)
                client.status()
                self.assertEqual([b for n, b in client.kept if n == "events" and b.seq == one], [])


class Visibility(unittest.TestCase):
    def test_parties_only(self):
        """each sees the public events and its own, and nothing of the others"""
        with Exchange() as x:
            w = world(x)
            token, = x.mint(w.series, (w.alice, 1000 * 10**6))
            w.alice.request(transfer([token], (w.bob.account, 10**6),
                                     (w.alice.account, 999 * 10**6)))
            x.advance(to_s=w.alice.query("offers", offer=w.offer).rows[0].start_s)
            redeemed = w.alice.do("order_place", **order(
                w.sku, tokens=[t.token for t in w.alice.tokens()]))
            w.operator.do("lease_activate", lease=redeemed.lease_first, access=b"sealed")
            size = w.admin.check_log().size
            every = w.admin.events_until(w.admin.subscribe(0), size)

            def parties(fields, message):
                found = set()
                for f in message.fields:
                    if f.kind == "ACCOUNT":
                        found.add(fields[f.name])
                    elif f.kind == "LIST":
                        for item in fields[f.name]:
                            found |= parties(item, TABLE.parts[f.low])
                return found
            for who in ("alice", "bob", "operator-1", "stranger"):
                with x.connect(who) as client:
                    events = client.events_until(client.subscribe(0), size)
                    expected = [e[0] for e in every if e[1] in TABLE.public_events or (
                        client.account and client.account in parties(
                            e[2], TABLE.events[e[1]]))]
                    self.assertEqual([e[0] for e in events], expected, who)

    def test_nothing_unpublished(self):
        """an event that was shown is durable: after SIGKILL it is still there, unchanged"""
        with Exchange() as x:
            w = world(x)
            for _ in range(3 if SANITIZED else 6):
                watcher = x.connect("admin")
                size = watcher.status().log_size
                seq = watcher.subscribe(size)
                x.mint(w.series, (w.alice, 5))
                stop = []

                def load():
                    try:
                        with x.connect("bob") as client:
                            while not stop:
                                client.request([operation("token_burn", inputs=[99])] * 20)
                    except Exception:
                        assert stop, "the load broke off"
                feeder = Feeder(load)
                seen = {}
                until = time.monotonic() + 0.3
                while time.monotonic() < until:
                    for index, _, _, data in watcher.events(seq)[1]:
                        seen[index] = sha256(data)
                stop.append(True)
                x.kill()
                feeder.finish()
                watcher.close()
                x.start()
                x.reconnect()
                with x.connect("admin") as again:
                    now = again.status().log_size
                    self.assertGreater(now, max(seen))
                    found = {e[0]: sha256(e[3])
                             for e in again.events_until(again.subscribe(size), now)}
                for index, digest in seen.items():
                    self.assertEqual(found[index], digest, f"event {index} has changed")

    def test_receipt_of_each(self):
        """every event that one is shown, one gets a receipt of"""
        with Exchange() as x:
            w = world(x)
            x.mint(w.series, (w.bob, 3))
            size = w.bob.check_log().size
            for index, name, _, data in w.bob.events_until(w.bob.subscribe(0), size):
                w.bob.receipt(index)
                self.assertEqual(decode_event(data)[0], name)


tap.main()
