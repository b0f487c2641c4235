"""The tests' own tools: each checker is shown something wrong and must say so, and the independent
client is held to published vectors."""
import random
import shutil
import subprocess
import sys
import textwrap
import unittest

import nacl.bindings as sodium

import messages
import proof
import tap
from exchange import CREDIT, ROOT, Exchange, ServerFailed, world
from keys import Keys, Pin, signature_valid
from messages import MessageError, operation
from noise import Initiator, NoiseError
from proof import Checkpoint, ProofError, Receipt, Witness, leaf_hash, tree_root
from trader import Trader
from wire import Client, Closed

# The vector of Noise_XK_25519_ChaChaPoly_SHA256 in the cacophony collection: keys, and what is said
# in which message, the initiator first, by turns.
VECTOR = {
    "prologue": "4a6f686e2047616c74",
    "static": "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1",
    "ephemeral": "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
    "responder": "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893",
    "messages": [
        ("4c756477696720766f6e204d69736573",
         "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944a3785af283c991ba"
         "b613473804356ef6931f83acf64f99c274b93570857cfc5e"),
        ("4d757272617920526f746862617264",
         "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088433a4534805fa9fe4e"
         "b8343ace6609160c767ad9b832e8eea1d9b7a2111818dd"),
        ("462e20412e20486179656b",
         "5d8e67b9c1b8e36f5dc674bc5cd2ce243fb5d1710fa57de0370da7cc979015398eaad94603b05498"
         "ba9a613d2fd923dcaa6fd4288dfd8d70f419bf737efb4cd37f5da37ebb728849318c82"),
        ("4361726c204d656e676572",
         "3205e1265f809505e6edc092839d3156745d2abafbfd946b261e41"),
        ("4a65616e2d426170746973746520536179",
         "470bcb1ae099555ff0d729500df550418d6ee5149d9e40bd2f4c6b3d263cc818d5"),
        ("457567656e2042f6686d20766f6e2042617765726b",
         "d7187ed9d217ba6e91cf596e4871012ccedf7b5bed0d4cb8f7affb020fa17a95a23371e0f6")],
}


class Noise(unittest.TestCase):
    def test_vector(self):
        """handshake and transport messages are the published ones"""
        data = {k: bytes.fromhex(v) for k, v in VECTOR.items() if isinstance(v, str)}
        said = [(bytes.fromhex(a), bytes.fromhex(b)) for a, b in VECTOR["messages"]]
        responder = sodium.crypto_scalarmult_base(data["responder"])
        noise = Initiator(data["static"], responder, data["prologue"], data["ephemeral"])
        self.assertEqual(noise.first(said[0][0]), said[0][1])
        self.assertEqual(noise.second(said[1][1], said[2][0]), said[2][1])
        for turn, (payload, message) in enumerate(said[3:]):
            if turn % 2 == 0:
                self.assertEqual(noise.receive.decrypt(message), payload)
            else:
                self.assertEqual(noise.send.encrypt(payload), message)

    def test_forged_answer(self):
        """an answer of anybody but the holder of the responder's key is noticed"""
        noise = Initiator(bytes([1]) * 32, Keys.named("responder").channel_public, b"")
        noise.first()
        with self.assertRaises(NoiseError):
            noise.second(Keys.named("liar").channel_public + bytes(16))


def path(index, leaves):
    """The audit path by the recursive definition of RFC 6962."""
    if len(leaves) <= 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return path(index, leaves[:split]) + [tree_root(leaves[split:])]
    return path(index - split, leaves[split:]) + [tree_root(leaves[:split])]


def consistency(size, leaves, whole=True):
    """The consistency proof by the recursive definition of RFC 6962."""
    if size == len(leaves):
        return [] if whole else [tree_root(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if size <= split:
        return consistency(size, leaves[:split], whole) + [tree_root(leaves[split:])]
    return consistency(size - split, leaves[split:], False) + [tree_root(leaves[:split])]


class Proofs(unittest.TestCase):
    def test_every_small_tree(self):
        """proofs of the definition verify; with anything changed they do not"""
        leaves = [leaf_hash(b"%d" % i) for i in range(24)]
        for size in range(1, len(leaves) + 1):
            root = tree_root(leaves[:size])
            for index in range(size):
                good = path(index, leaves[:size])
                proof.verify_inclusion(leaves[index], index, size, good, root)
                wrong = [(leaves[index], index, size, good + [root]),
                         (leaves[index][::-1], index, size, good),
                         (leaves[index], size, size, good)]
                if good:
                    wrong += [(leaves[index], index, size, good[:-1]),
                              (leaves[index], index ^ 1, size, good),
                              (leaves[index], index, size, [good[0][::-1]] + good[1:])]
                for leaf, at, of, hashes in wrong:
                    with self.assertRaises(ProofError):
                        proof.verify_inclusion(leaf, at, of, hashes, root)
            for old in range(1, size):
                good = consistency(old, leaves[:size])
                before = tree_root(leaves[:old])
                proof.verify_consistency(old, before, size, root, good)
                forked = tree_root(leaves[:old - 1] + [leaf_hash(b"another")])
                for was, hashes in ((forked, good), (before, good[:-1]), (before, good + [root]),
                                    (before, [h[::-1] for h in good])):
                    with self.assertRaises(ProofError):
                        proof.verify_consistency(old, was, size, root, hashes)
        with self.assertRaises(ProofError):
            proof.verify_consistency(5, tree_root(leaves[:5]), 4, tree_root(leaves[:4]), [])

    def test_changed_receipt(self):
        """no changed byte of a receipt passes, whatever it is"""
        rng = random.Random(7)
        with Exchange() as x:
            text = x.admin.receipt(0)
            Receipt(text, x.pin)
            note = text.partition(b"\n\n")[2]
            Checkpoint(note, x.pin)
            for _ in range(300):
                changed = bytearray(text)
                at = rng.randrange(len(changed))
                changed[at] ^= 1 << rng.randrange(7)
                try:
                    receipt = Receipt(bytes(changed), x.pin)
                except (ProofError, ValueError, IndexError):
                    continue
                # Only what base64 leaves open (unused bits) may change without a difference.
                self.assertEqual(receipt.event, Receipt(text, x.pin).event)

    def test_pin_and_signature(self):
        """a slip in a pin and a signature for another purpose are noticed"""
        keys = Keys.named("a")
        signature = keys.sign("bourse/request/v1", bytes(32), b"body")
        self.assertTrue(signature_valid(keys.sign_public, "bourse/request/v1", bytes(32), b"body",
                                        signature))
        self.assertFalse(signature_valid(keys.sign_public, "bourse/claim/v1", bytes(32), b"body",
                                         signature))
        with Exchange(start=False) as x:
            line = x.pin.line
            for changed in (line.replace("example", "exemple"), line[:-3] + "abc", line[:-1]):
                with self.assertRaises(ValueError):
                    Pin(changed)


class Codec(unittest.TestCase):
    def test_strict(self):
        """the decoder here refuses what is not in the table"""
        table = messages.TABLE.frames
        good = messages.build(table, "subscribe", seq=3)
        name, body = messages.decode_coded(table, good.pack())
        self.assertEqual((name, body.seq), ("subscribe", 3))
        for wrong in (messages.pack([3, [3]]), messages.pack([3, [3, 0, 0]]),
                      messages.pack([3, ["3", 0]]), messages.pack([77, [3, 0]]),
                      good.pack() + b"\0", good.pack()[:-1]):
            with self.assertRaises(MessageError):
                messages.decode_coded(table, wrong)
        with self.assertRaises(MessageError):
            operation("mint", serie=1)


class Model(unittest.TestCase):
    def trader(self, x):
        w = world(x)
        w["start_s"] = w.alice.query("offers", offer=w.offer).rows[0].start_s
        x.mint(w.series, *[(w.alice, 10 * CREDIT)] * 10)
        trader = Trader(w.alice, w.series, w.bob.account, w, random.Random(1))
        trader.load(lambda: False, most=60)
        return trader

    def test_losses_are_found(self):
        """a lost token, a forged one, a changed amount and another reply are each reported"""
        with Exchange() as x:
            trader = self.trader(x)
            trader.holdings()
            trader.same_replies(10)
            token = next(iter(trader.pool))
            for changed in ({**trader.pool, 10**9: 1}, {**trader.pool, token: 1},
                            {k: v for k, v in trader.pool.items() if k != token}):
                kept, trader.pool = trader.pool, changed
                with self.assertRaises(AssertionError):
                    trader.holdings()
                trader.pool = kept
            request, reply = trader.acknowledged[-1]
            trader.acknowledged[-1] = request, {**reply, "group": reply["group"] + 1}
            with self.assertRaises(AssertionError):
                trader.same_replies(1)

    def test_lost_requests_are_found(self):
        """a server that comes back without acknowledged requests is caught by the trader"""
        with Exchange() as x:
            trader = self.trader(x)
            x.stop()
            shutil.copytree(x.data, x.folder / "old")
            x.start()
            trader.client.connect(x.address)
            trader.load(lambda: False, most=30)
            x.kill()
            shutil.rmtree(x.data)
            (x.folder / "old").rename(x.data)
            x.start()
            trader.client.connect(x.address, witness=False)
            with self.assertRaises(AssertionError):
                trader.holdings()
            with self.assertRaises(AssertionError):
                trader.same_replies(0)
            trader.client.close()
            x.clients = {}


class Runner(unittest.TestCase):
    def run_script(self, body):
        script = textwrap.dedent(body)
        return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                              cwd=ROOT / "tests" / "e2e", timeout=60,
                              env={"PYTHONDONTWRITEBYTECODE": "1"})

    def test_tap(self):
        """failures, errors, failed parts and skips are reported as what they are"""
        done = self.run_script("""
            import unittest, tap
            class T(unittest.TestCase):
                def test_a(self): pass
                def test_b(self): self.fail("no")
                def test_c(self): raise RuntimeError("boom")
                def test_d(self): self.skipTest("why not")
                def test_e(self):
                    for i in range(3):
                        with self.subTest(i=i): self.assertNotEqual(i, 1)
            tap.main()
        """)
        outcomes = [line.split(" ")[0] for line in done.stdout.splitlines()
                    if line.startswith(("ok", "not"))]
        self.assertEqual(outcomes, ["ok", "not", "not", "ok", "not"])
        self.assertIn("# SKIP why not", done.stdout)
        self.assertEqual(done.returncode, 1)

    def test_nothing_run(self):
        """a script without tests fails"""
        self.assertEqual(self.run_script("import tap; tap.main()").returncode, 1)

    def test_sanitizer_report(self):
        """a report of a sanitizer in the server's words fails the test that ran it"""
        with Exchange() as x:
            with open(x.folder / "stderr-1", "a") as out:
                out.write("WARNING: ThreadSanitizer: data race (pid=1)\n")
            with self.assertRaises(ServerFailed):
                x.stop()

    def test_no_server(self):
        """a server that is not there is an error, not a hang"""
        with Exchange(start=False) as x:
            x.address = ("127.0.0.1", 1)
            with self.assertRaises(Closed):
                Client(x.address, x.pin, Keys.named("a"))

    def test_witness(self):
        """a head that does not continue the kept one is refused"""
        with Exchange() as x:
            witness = Witness(x.pin)
            first = x.admin.query("checkpoint", old_size=0)
            witness.advance(first.note, [])
            witness.root = bytes(32)
            again = x.admin.query("checkpoint", old_size=witness.size)
            with self.assertRaises(ProofError):
                witness.advance(again.note, [row.hash for row in again.proof])


tap.main()
