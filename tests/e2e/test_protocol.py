"""Hostile and clumsy peers. After each the server still serves and its state is what it was."""
import os
import pathlib
import random
import resource
import socket
import struct
import time
import unittest

import messages
import tap
from exchange import SANITIZED, Exchange, ROOT, seed, transfer, world
from keys import Keys
from messages import TABLE, Coded, operation, pack, token_reference
from noise import Initiator, NoiseError
from wire import PREAMBLE, Channel, Closed, WireError

FRAME_MAX = TABLE.limits["FRAME_BYTES_MAX"]
BATCH_MAX = TABLE.limits["BATCH_OPERATIONS_MAX"]


def closed_by_peer(sock, timeout=15):
    """Whether the server ends this connection; what it sent before is thrown away."""
    sock.settimeout(timeout)
    try:
        while sock.recv(65536):
            pass
        return True
    except ConnectionError:
        return True
    except socket.timeout:
        return False


def still_signed(frame, request):
    """Whether this frame still carries the request as it was signed: its seq is no part of that."""
    try:
        name, fields = messages.decode_coded(TABLE.frames, frame)
    except Exception:  # whatever the decoder finds wrong with it
        return False
    return (name == "request" and fields.body == request.body
            and fields.signature == request.signature)


class Hostile(unittest.TestCase):
    """All tests share one server, so that what one leaves behind would show in the next."""

    @classmethod
    def setUpClass(cls):
        cls.x = Exchange()
        cls.w = world(cls.x)
        # These never finish their handshake; the last test looks what has become of them.
        cls.lazy_since = time.monotonic()
        cls.lazy = [cls.raw() for _ in range(20)]
        for i, sock in enumerate(cls.lazy):
            sock.sendall(PREAMBLE[:i % 9])

    @classmethod
    def tearDownClass(cls):
        for sock in cls.lazy:
            sock.close()
        cls.x.__exit__(None, None, None)

    @classmethod
    def raw(cls):
        return socket.create_connection(cls.x.address, timeout=20)

    def setUp(self):
        self.before = (self.w.alice.tokens(), self.w.bob.tokens())

    def tearDown(self):
        self.x.serves()

    def unchanged(self):
        self.assertEqual((self.w.alice.tokens(), self.w.bob.tokens()), self.before)

    def channel(self, name="alice", **options):
        return Channel(self.x.address, self.x.pin, Keys.named(name), **options)

    # --- The handshake ---

    def test_wrong_preamble(self):
        """another protocol is told apart and hung up on"""
        for hello in (b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n", bytes(8), os.urandom(64)):
            with self.subTest(hello=hello), self.raw() as sock:
                sock.sendall(hello)
                self.assertTrue(closed_by_peer(sock))

    def test_wrong_version(self):
        """another version learns ours before the server hangs up"""
        with self.raw() as sock:
            sock.sendall(b"BOURSE\0\2")
            received = b""
            while len(received) < 8:
                part = sock.recv(64)
                self.assertTrue(part, "hung up without naming its version")
                received += part
            self.assertEqual(received, PREAMBLE)
            self.assertTrue(closed_by_peer(sock))

    def test_wrong_server_key(self):
        """a client that pinned another key gets nothing"""
        other = Keys.named("another exchange").channel_public
        with self.assertRaises((Closed, NoiseError)):
            self.channel(responder=other)

    def test_other_prologue(self):
        """a preamble changed on the way is noticed by both"""
        with self.raw() as sock:
            sock.sendall(PREAMBLE)
            sock.recv(8)
            noise = Initiator(Keys.named("alice").channel_secret, self.x.pin.channel,
                              PREAMBLE + b"BOURSE\0\3")
            first = noise.first()
            sock.sendall(struct.pack(">H", len(first)) + first)
            self.assertTrue(closed_by_peer(sock))

    def test_garbage_in_each_stage(self):
        """random bytes instead of each handshake message and of the first transport message"""
        rng = random.Random(seed())
        for stage in range(3):
            for length in (0, 1, 16, 47, 48, 64, 65535):
                with self.subTest(stage=stage, length=length), self.raw() as sock:
                    garbage = struct.pack(">H", length) + rng.randbytes(length)
                    sock.sendall(PREAMBLE)
                    if stage == 1:
                        sock.recv(8)
                        noise = Initiator(Keys.named("alice").channel_secret, self.x.pin.channel,
                                          PREAMBLE + PREAMBLE)
                        sock.sendall(struct.pack(">H", 48) + noise.first())
                    if stage == 2:
                        sock.close()
                        channel = self.channel()
                        channel.write(garbage)
                        self.assertTrue(closed_by_peer(channel.socket))
                        channel.close()
                        continue
                    try:
                        sock.sendall(garbage)
                    except ConnectionError:
                        continue
                    self.assertTrue(closed_by_peer(sock))

    def test_cut_off_anywhere(self):
        """connections that end within preamble, handshake, message and frame"""
        for cut in (0, 3, 8, 9, 40, 57):
            with self.raw() as sock:
                noise = Initiator(Keys.named("alice").channel_secret, self.x.pin.channel,
                                  PREAMBLE + PREAMBLE)
                sock.sendall((PREAMBLE + struct.pack(">H", 48) + noise.first())[:cut])
        for cut in (1, 2, 10, 20, 30):
            channel = self.channel()
            body = messages.build(TABLE.frames, "subscribe", seq=1).pack()
            channel.write(channel.seal(struct.pack(">I", len(body)) + body)[:cut])
            channel.close()

    def test_zero_key(self):
        """a client key of small order is refused"""
        with self.raw() as sock:
            sock.sendall(PREAMBLE + struct.pack(">H", 48) + bytes(48))
            self.assertTrue(closed_by_peer(sock))

    # --- Frames ---

    def hostile_frame(self, body, header=None):
        """Sends one frame; True when the server answered with an error or hung up."""
        channel = self.channel()
        try:
            header = struct.pack(">I", len(body)) if header is None else header
            channel.write(channel.seal(header + body))
            name, frame = messages.decode_coded(TABLE.frames, channel.receive_frame())
            self.assertEqual(name, "error", frame)
            self.assertIn(frame.error, ("malformed", "limit"))
            return True
        except Closed:
            return True
        finally:
            channel.close()

    def test_frame_lengths(self):
        """empty and oversized frames end the connection"""
        self.assertTrue(self.hostile_frame(b"", bytes(4)))
        for length in (FRAME_MAX + 1, 2**31, 2**32 - 1):
            self.assertTrue(self.hostile_frame(b"x" * 100, struct.pack(">I", length)))
        self.assertTrue(self.hostile_frame(b"\xc1" * FRAME_MAX))

    def test_malformed_frames(self):
        """unknown codes, wrong types, surplus, missing and trailing bytes"""
        subscribe = messages.build(TABLE.frames, "subscribe", seq=1)
        rows = [b"\xc0", b"\xc1", b"\x93", pack([]), pack([3]), pack([3, []]), pack([3, [1]]),
                pack([3, [1, 2, 3]]), pack([3, ["1", 2]]), pack([3, [1.0, 2]]),
                pack([3, [True, 2]]), pack([3, [-1, 2]]), pack([3, {0: 1, 1: 2}]),
                pack({3: [1, 2]}), pack([2**32, 3]), pack([3, [2**32, 2]]),
                pack([99, [1, 2]]), pack([0, []]), pack([-3, [1, 2]]),
                subscribe.pack() + b"\0", subscribe.pack()[:-1], subscribe.pack() * 2,
                b"\xdd\xff\xff\xff\xff", b"\x92\x03\xdd\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff",
                b"\x91" * 100_000, b"\xdf\xff\xff\xff\xff" + b"\0" * 100,
                messages.build(TABLE.frames, "reply", seq=1).pack(),
                pack([1, [1, b"x", b"short"]]), pack([1, [1, b"", bytes(64)]])]
        for row in rows:
            with self.subTest(frame=row[:24].hex()):
                self.assertTrue(self.hostile_frame(row))

    def test_malformed_queries(self):
        """a bad query is answered with an error under its seq, and the connection goes on"""
        client = self.w.alice
        good = messages.build(TABLE.queries, "tokens").pack()
        rows = [b"\xc0", pack([99, []]), pack([6, []]), pack([6, [0, 0, 0, 0, 1001]]),
                good + b"\0", good[:-1], pack([6, ["", 0, 0, 0, 0]]),
                pack([15, [[]] * 14]), b"\x91" * 10_000]
        for row in rows:
            seq = client.next_seq()
            client.send("query", seq=seq, body=row)
            with self.subTest(query=row[:24].hex()), self.assertRaises(WireError) as caught:
                client.wait(seq, "answer")
            self.assertEqual((caught.exception.seq, caught.exception.error), (seq, "malformed"))
        self.assertGreater(client.status().log_size, 0)

    def test_malformed_requests(self):
        """a signed body that does not decode is an error, and nothing of it happens"""
        w = self.w
        token, = self.x.mint(w.series, (w.alice, 100))
        self.before = (w.alice.tokens(), w.bob.tokens())
        good = transfer([token], (w.bob.account, 100))
        valid = w.alice.now_s() + 100
        head = [w.alice.account, w.alice.keys.sign_public, os.urandom(16), valid, False]

        def body(*operations, head=head):
            return pack([*head, [[o.code, o.fields] if isinstance(o, Coded) else o
                                 for o in operations]])
        rows = [b"\xc0", body(good)[:-1], body(good) + b"\0", body(good, [99, []]),
                body(good, [22, []]), body(good, [22, [[token], [[1, -5]]]]),
                body(good, [22, [[token], [[1, 2.5]]]]),
                body(good, [22, [[token], [[1, 2**64 - 1, 0]]]]),
                body(good, transfer([token] * 2001, (1, 1))),
                body(good, operation("token_burn", inputs=[1] * 2001)),
                body(good, operation("account_freeze", account=1, reason="x" * 256)),
                body(good, [2, [1, b"bytes"]]), body(good, [2, [1, "line\nbreak"]]),
                body(good, [2, [0, ""]]),
                body(good, head=[w.alice.account, b"short", os.urandom(16), valid, False]),
                body(good, head=[w.alice.account, w.alice.keys.sign_public, b"", valid, False]),
                body(good, head=[2**32, w.alice.keys.sign_public, os.urandom(16), valid, False]),
                body(good, head=head[:4] + [1]),
                body(*[good] * (BATCH_MAX + 1)),
                pack([1, 2]), b"\x91" * 10_000]
        for row in rows:
            signature = w.alice.keys.sign("bourse/request/v1", self.x.pin.exchange_id, row)
            seq = w.alice.next_seq()
            w.alice.send("request", seq=seq, body=row, signature=signature)
            with self.subTest(body=row[:24].hex()), self.assertRaises(WireError) as caught:
                w.alice.wait(seq, "reply")
            self.assertEqual((caught.exception.seq, caught.exception.error), (seq, "malformed"))
        self.unchanged()

    def test_mutated_frames(self):
        """random changes of good frames never do more than end a connection"""
        rng = random.Random(seed())
        w = self.w
        token, = self.x.mint(w.series, (w.alice, 100))
        self.before = (w.alice.tokens(), w.bob.tokens())
        for _ in range(150 if SANITIZED else 400):
            request = w.alice.prepare(transfer([token], (w.bob.account, 100)))
            good = rng.choice([
                messages.build(TABLE.frames, "request", seq=5, body=request.body,
                               signature=request.signature),
                messages.build(TABLE.frames, "query", seq=5, body=messages.build(
                    TABLE.queries, rng.choice(["tokens", "offers", "receipt"])).pack()),
                messages.build(TABLE.frames, "subscribe", seq=5)]).pack()
            changed = bytearray(good)
            for _ in range(rng.randint(1, 4)):
                kind, at = rng.randrange(4), rng.randrange(len(changed))
                if kind == 0:
                    changed[at] ^= 1 << rng.randrange(8)
                elif kind == 1:
                    changed[at] = rng.choice([0, 0xff, 0xc0, 0xdd, 0xc6, 0xcf])
                elif kind == 2 and len(changed) > 2:
                    del changed[at]
                else:
                    changed.insert(at, rng.randrange(256))
            if still_signed(bytes(changed), request):
                continue
            channel = self.channel()
            try:
                channel.send_frame(bytes(changed))
                # Whatever was made of it, the connection either goes on or is closed.
                channel.send_frame(messages.build(TABLE.frames, "query", seq=9, body=messages.build(
                    TABLE.queries, "status").pack()).pack())
                while True:
                    name, frame = messages.decode_coded(TABLE.frames, channel.receive_frame())
                    if name == "answer" and frame.seq == 9:
                        break
            except Closed:
                pass
            finally:
                channel.close()
        self.unchanged()

    def test_small_pieces(self):
        """frames spread over many Noise messages and TCP segments"""
        with self.x.connect("alice") as client:
            body = messages.build(TABLE.frames, "query", seq=7, body=messages.build(
                TABLE.queries, "status").pack()).pack()
            client.channel.send_frame(body, piece=1)
            client.wait(7, "answer")
            sealed = client.channel.seal(struct.pack(">I", len(body)) + body, piece=5)
            for at in range(len(sealed)):
                client.channel.write(sealed[at:at + 1])
            client.wait(7, "answer")

    # --- Requests ---

    def test_replayed(self):
        """a request sent again, by whomever, happens once"""
        w = self.w
        token, = self.x.mint(w.series, (w.alice, 100))
        request = w.alice.prepare(transfer([token], (w.bob.account, 100)))
        first = w.alice.submit(request)
        self.assertEqual((first.results[0].refusal, first.repeated), ("accepted", False))
        have = w.bob.balance(w.series).tokens_ucr
        for name in ("alice", "bob", "visitor"):
            with self.x.connect(name) as client:
                again = client.submit(request)
            self.assertEqual((again.repeated, again.results), (True, first.results))
        self.assertEqual(w.bob.balance(w.series).tokens_ucr, have)
        # Refusals are kept as well.
        spent = w.alice.prepare(transfer([token], (w.bob.account, 100)))
        one, two = w.alice.submit(spent), w.alice.submit(spent)
        self.assertEqual([one.results, two.results], [two.results, one.results])
        self.assertEqual(one.results[0].refusal, "token_spent")

    def test_id_reused(self):
        """the same id with another body is refused"""
        w = self.w
        token, = self.x.mint(w.series, (w.alice, 100))
        one = w.alice.prepare(operation("token_burn", inputs=[999_999]))
        w.alice.submit(one)
        other = w.alice.prepare(transfer([token], (w.bob.account, 100)), request_id=one.id)
        self.assertEqual(w.alice.submit(other).refusal, "id_reused")
        # Ids belong to accounts: the same one is free for another.
        fine = w.bob.prepare(operation("token_burn", inputs=[999_999]), request_id=one.id)
        self.assertEqual(w.bob.submit(fine).refusal, "accepted")

    def test_validity(self):
        """requests too far ahead or past their time are refused"""
        w = self.w
        burn = operation("token_burn", inputs=[999_999])
        now = self.x.now_s()
        rows = [(now, "request_expired"), (1, "request_expired"),
                (now + 601, "valid_until_too_far"), (now + 600, "accepted"), (now + 1, "accepted")]
        for valid_until, refusal in rows:
            with self.subTest(valid_until=valid_until - now):
                reply = w.alice.request(burn, valid_until_s=valid_until)
                self.assertEqual(reply.refusal, refusal)

    def test_another_exchange(self):
        """a request signed for another exchange is refused"""
        w = self.w
        token, = self.x.mint(w.series, (w.alice, 100))
        self.before = (w.alice.tokens(), w.bob.tokens())
        good = w.alice.prepare(transfer([token], (w.bob.account, 100)))
        signature = w.alice.keys.sign("bourse/request/v1", bytes(32), good.body)
        reply = w.alice.submit(good._replace(signature=signature))
        self.assertEqual(reply.refusal, "bad_signature")
        signature = w.alice.keys.sign("bourse/rekey/v1", self.x.pin.exchange_id, good.body)
        self.assertEqual(w.alice.submit(good._replace(signature=signature)).refusal,
                         "bad_signature")
        self.unchanged()

    def test_flipped_bits(self):
        """no changed bit of a signed body or signature passes"""
        rng = random.Random(seed())
        w = self.w
        token, = self.x.mint(w.series, (w.alice, 100))
        self.before = (w.alice.tokens(), w.bob.tokens())
        good = w.alice.prepare(transfer([token], (w.bob.account, 100)))
        for i in range(60 if SANITIZED else 200):
            body, signature = bytearray(good.body), bytearray(good.signature)
            target = signature if i % 4 == 0 else body
            target[rng.randrange(len(target))] ^= 1 << rng.randrange(8)
            try:
                reply = w.alice.submit(good._replace(body=bytes(body), signature=bytes(signature)))
                self.assertEqual(reply.refusal, "bad_signature")
            except WireError as error:
                self.assertEqual(error.error, "malformed")
        self.unchanged()
        self.assertEqual(w.alice.submit(good).results[0].refusal, "accepted")

    def test_others_key(self):
        """a request for an account signed with a key that is not its"""
        w = self.w
        token, = self.x.mint(w.series, (w.alice, 100))
        self.before = (w.alice.tokens(), w.bob.tokens())
        forged = w.bob.prepare(transfer([token], (w.bob.account, 100)), account=w.alice.account)
        self.assertEqual(w.bob.submit(forged).refusal, "key_replaced")
        unknown = w.bob.prepare(transfer([token], (w.bob.account, 100)), account=4_000_000_000)
        self.assertEqual(w.bob.submit(unknown).refusal, "unknown_account")
        self.unchanged()

    def test_largest_batch(self):
        """8 190 operations are worked off, 8 191 and none are refused whole"""
        w = self.w
        token, = self.x.mint(w.series, (w.alice, 100))
        a = w.alice.account
        chain = [transfer([token], (a, 100))]
        chain += [transfer([token_reference(i, 0)], (a, 100)) for i in range(BATCH_MAX - 1)]
        size = w.alice.status().log_size
        with self.assertRaises(WireError):
            w.alice.request(chain + [operation("token_burn", inputs=[1])], atomic=True)
        self.assertEqual(w.alice.request([]).refusal, "empty_request")
        self.assertEqual(w.alice.status().log_size, size)
        reply = w.alice.request(chain, atomic=True)
        self.assertEqual({r.refusal for r in reply.results}, {"accepted"})
        self.assertEqual(len(reply.results), BATCH_MAX)
        # All refused: the longest event that a request can have.
        reply = w.alice.request([operation("token_burn", inputs=[token])] * BATCH_MAX)
        self.assertEqual({r.refusal for r in reply.results}, {"token_spent"})
        w.alice.receipt(reply.index)
        # The last operation undoes all of an atomic one.
        mine = {t.token for t in w.alice.tokens()}
        last = max(mine)
        chain[0] = transfer([last], (a, 100))
        chain[-1] = transfer([token], (a, 100))
        reply = w.alice.request(chain, atomic=True)
        self.assertEqual([r.refusal for r in (reply.results[0], reply.results[-1])],
                         ["batch_aborted", "token_spent"])
        self.assertEqual({t.token for t in w.alice.tokens()}, mine)

    def test_widest_transfer(self):
        """2 000 outputs, and 2 000 inputs merged into one"""
        w = self.w
        token, = self.x.mint(w.series, (w.alice, 2000))
        a = w.alice.account
        split = w.alice.do("token_transfer", inputs=[token],
                           outputs=[{"account": a, "amount_ucr": 1}] * 2000)
        inputs = list(range(split.token_first, split.token_first + 2000))
        merged = w.alice.do("token_transfer", inputs=inputs,
                            outputs=[{"account": a, "amount_ucr": 2000}])
        w.alice.receipt(split.index)
        w.alice.receipt(merged.index)
        with self.assertRaises(WireError):
            w.alice.request(transfer(inputs + [1], (a, 1)))

    def test_pipelined(self):
        """more requests on their way than the server takes at once; replies come in order"""
        w = self.w
        with self.x.connect("alice") as client:
            burn = operation("token_burn", inputs=[999_999])
            many = 2 * TABLE.limits["REQUESTS_IN_FLIGHT_MAX"] + 88
            seqs = [client.send_request(client.prepare(burn)) for _ in range(many)]
            for seq in seqs:
                name, body = client.receive()
                self.assertEqual((name, body.seq, body.refusal), ("reply", seq, "accepted"))
        self.assertGreater(w.alice.status().log_size, 600)

    # --- Resources ---

    def test_unread_answers(self):
        """clients that ask and never read do not make the server grow"""
        x, w = self.x, self.w
        x.mint(w.series, *[(w.bob, 1)] * 1000)
        before = x.memory_kib()
        greedy = []
        for _ in range(4):
            client = x.connect("bob", timeout=3)
            greedy.append(client)
            client.channel.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            try:
                for _ in range(4000):
                    client.send_query("tokens", **{"from": 0, "limit": 1000})
            except (Closed, OSError):
                pass
        grown = x.memory_kib() - before
        tap.note(f"4 greedy clients: {grown} KiB more")
        x.serves()
        self.assertLess(grown, (600 if SANITIZED else 100) * 1024)
        for client in greedy:
            client.close()

    def test_unread_too_much(self):
        """what a client asks for and does not take is kept up to a limit, then it is cut off"""
        with Exchange() as x:
            x.admin.request([operation("sku_add", name=f"{i:063}", vendor="v" * 63, model="m" * 63,
                                       memory_gb=1, interconnect="i" * 63, power_w=1,
                                       generation="g" * 63) for i in range(1000)])
            one = len(x.admin.query("skus").rows) * 63 * 5
            few = TABLE.limits["UNREAD_BYTES_MAX"] // one // 2
            many = TABLE.limits["REQUESTS_IN_FLIGHT_MAX"]
            self.assertGreater(many * one, 2 * TABLE.limits["UNREAD_BYTES_MAX"])
            for count, cut_off in ((few, False), (many, True)):
                with self.subTest(count=count), x.connect("stranger") as client:
                    seqs = [client.send_query("skus") for _ in range(count)]
                    time.sleep(2)
                    taken = 0
                    try:
                        for seq in seqs:
                            client.wait(seq, "answer")
                            taken += 1
                    except (Closed, OSError):
                        pass
                    self.assertEqual(taken < count, cut_off)
            x.serves()

    def test_unread_events(self):
        """a subscriber that never reads does not make the server grow"""
        x, w = self.x, self.w
        before = x.memory_kib()
        lazy = []
        for _ in range(10):
            client = x.connect("admin")
            client.channel.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            for _ in range(16):
                client.subscribe(0)
            lazy.append(client)
        for _ in range(20):
            w.alice.request([operation("token_burn", inputs=[999_999])] * 1000)
        grown = x.memory_kib() - before
        tap.note(f"160 unread subscriptions: {grown} KiB more")
        self.assertLess(grown, (600 if SANITIZED else 150) * 1024)
        for client in lazy:
            client.close()

    def test_big_promises(self):
        """frames announced as 4 MiB of which little comes take little memory"""
        before = self.x.memory_kib()
        channels = [self.channel() for _ in range(100)]
        for channel in channels:
            channel.write(channel.seal(struct.pack(">I", FRAME_MAX) + bytes(1000)))
        self.x.serves()
        grown = self.x.memory_kib() - before
        tap.note(f"100 announced frames: {grown} KiB more")
        self.assertLess(grown, (400 if SANITIZED else 50) * 1024)
        for channel in channels:
            channel.close()

    def test_too_many_subscriptions(self):
        """a connection has a bounded number of subscriptions"""
        with self.x.connect("alice") as client:
            size = client.status().log_size
            most = TABLE.limits["SUBSCRIPTIONS_MAX"]
            seqs = [client.subscribe(size) for _ in range(most)]
            for seq in seqs:
                client.events(seq)
            with self.assertRaises(WireError) as caught:
                client.events(client.subscribe(size))
            self.assertEqual(caught.exception.error, "limit")

    def test_too_many_connections(self):
        """beyond the limit connections are closed at once, and those there are still served"""
        most = TABLE.limits["CONNECTIONS_MAX"]
        wanted = most + 600
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < wanted:
            self.skipTest(f"this machine allows {hard} open files only")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        sockets = []
        try:
            with Exchange() as x:
                w = x.admin
                with x.connect("friend") as friend:
                    for _ in range(most + 50):
                        sockets.append(socket.create_connection(x.address, timeout=10))
                    self.assertTrue(any(closed_by_peer(s, 5) for s in sockets[-40:-38]))
                    self.assertGreater(friend.status().log_size, 0)
                    self.assertGreater(w.status().log_size, 0)
                    for sock in sockets:
                        sock.close()
                    x.serves()
        finally:
            for sock in sockets:
                sock.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_out_of_descriptors(self):
        """a server that has no descriptor left for a connection goes on afterwards"""
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        with Exchange(preexec=limit) as x:
            sockets = [socket.create_connection(x.address, timeout=10) for _ in range(100)]
            self.assertGreater(x.admin.status().log_size, 0) if "admin" in x.clients else None
            for sock in sockets:
                sock.close()
            x.serves()

    def test_zz_slow_handshakes(self):
        """handshakes that do not come to an end are closed in time"""
        limit = TABLE.limits["HANDSHAKE_TIMEOUT_S"] + 5
        for sock in self.lazy:
            left = max(self.lazy_since + limit - time.monotonic(), 0.5)
            self.assertTrue(closed_by_peer(sock, left))


class Documentation(unittest.TestCase):
    def test_protocol_page(self):
        """docs/protocol.md names every message, field, word and refusal with its number"""
        page = pathlib.Path(ROOT / "docs" / "protocol.md")
        text = page.read_text()
        missing = []
        for table in (TABLE.operations, TABLE.frames, TABLE.events, TABLE.queries):
            for message in table.values():
                if message.name not in text:
                    missing.append(message.name)
                missing += [f"{message.name}.{f.name}" for f in message.fields
                            if f.name not in text]
        for number, name in TABLE.refusals.items():
            if name not in text:
                missing.append(f"refusal {number} {name}")
        for words in TABLE.words.values():
            missing += [word for word in words if word not in text]
        self.assertEqual(missing, [])

    def test_numbers_unique(self):
        """no code, refusal or word's number stands for two things"""
        for table in (TABLE.operations, TABLE.frames, TABLE.events, TABLE.queries, TABLE.answers):
            codes = [m.code for m in table.values()]
            self.assertEqual(len(codes), len(set(codes)))
        self.assertEqual(len(TABLE.refusals), len(TABLE.refusal_rows))
        for words in TABLE.words.values():
            self.assertEqual(len(words), len(set(words.values())))


tap.main()
