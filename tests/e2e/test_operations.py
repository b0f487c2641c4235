"""What an operator of the server does and meets: a second server, check, replay, backup, restore, a
full disk, damage, and an old copy."""
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import tempfile
import time
import unittest

import tap
from exchange import BOURSED, ROOT, SANITIZED, Exchange, boursed, pay_some, transfer, world
from messages import Record, operation
from proof import ProofError
from wire import Closed, Feeder, Refused

PAGE = 4096


class Directory(unittest.TestCase):
    def test_second_server(self):
        """a second server on the same directory is refused, the first goes on"""
        with Exchange() as x:
            world(x)
            second = boursed("run", "--data", x.data, "--listen", "127.0.0.1:0")
            self.assertEqual(second.returncode, 1)
            self.assertIn(str(x.data), second.stderr)
            self.assertRegex(second.stderr, "another|lock|already")
            x.serves()

    def test_lock_removed(self):
        """removing LOCK lets no second server in; the next one after the first may"""
        with Exchange() as x:
            world(x)
            (x.data / "LOCK").unlink()
            for _ in range(2):
                second = boursed("run", "--data", x.data, "--listen", "127.0.0.1:0")
                self.assertEqual(second.returncode, 1)
                self.assertIn("another server runs on this directory", second.stderr)
                self.assertEqual(second.stdout, "")
            x.serves()
            x.restart()
            x.kill()
            x.start()
            x.serves()

    def test_names_in_errors(self):
        """errors name what was asked for, and never a temporary name"""
        with Exchange() as x:
            for arguments in (("init", "--origin", "o", "--admin", x.admin_keys.text(), "--data"),
                              ("backup", "--data", x.data, "--to"),
                              ("replay", "--data", x.data, "--into")):
                done = boursed(*arguments, "/nonexistent/x")
                self.assertEqual(done.returncode, 1)
                self.assertIn("/nonexistent/x: cannot be made: the folder /nonexistent does not "
                              "exist\n", done.stderr)
                self.assertNotIn(".new-", done.stderr)
            # A file in the making that cannot grow.
            done = boursed("backup", "--data", x.data, "--to", x.folder / "small",
                           preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE,
                                                                 (1 << 20, 1 << 20)))
            self.assertEqual(done.returncode, 1)
            self.assertIn(str(x.folder / "small"), done.stderr)
            self.assertNotIn(".new-", done.stderr)
            self.assertRegex(done.stderr, "File too large|limit on file sizes")
            self.assertEqual([p.name for p in x.folder.iterdir() if "small" in p.name], [])
            done = boursed("init", "--data", x.folder / "y", "--origin", "o", "--admin",
                           "--created", "-3d")
            self.assertEqual(done.returncode, 2)
            self.assertIn("--admin needs", done.stderr)

    def test_documented_messages(self):
        """what docs/operations.md quotes is what the program can say"""
        text = (ROOT / "docs" / "operations.md").read_text()
        table = text.split("## What the server says", 1)[1].split("\n## ", 1)[0]
        quoted = re.findall(r"^\| `([^`]+)` \|", table, re.M)
        self.assertGreater(len(quoted), 8)
        program = BOURSED.read_bytes()
        for message in quoted:
            self.assertIn(message.encode(), program)
        self.assertNotIn(b"nothing says this", program)

    def test_usage(self):
        """mistakes on the command line are named; help is there at every level"""
        self.assertEqual(boursed("--help").returncode, 0)
        self.assertEqual(boursed("--version").returncode, 0)
        for command in ("init", "run", "check", "replay", "report", "backup", "restore",
                        "certify"):
            done = boursed(command, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn("--data", done.stdout)
        for arguments, word in ((("runn",), "runn"), (("run",), "--data"),
                                (("run", "--data", "/nowhere/at/all"), "/nowhere/at/all"),
                                (("run", "--data", "x", "--listen", "nonsense"), "nonsense"),
                                (("check", "--data", "x", "--colour"), "--colour"),
                                (("init", "--data", "x", "--origin", "a b", "--admin", "k"),
                                 "origin"),
                                (("init", "--data", "x", "--origin", "o", "--admin", "key"),
                                 "admin")):
            with self.subTest(arguments=arguments):
                done = boursed(*arguments)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(word, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_modes(self):
        """no key and no book can be read by others"""
        with Exchange() as x:
            for folder, _, files in os.walk(x.data):
                for name in files:
                    mode = os.stat(os.path.join(folder, name)).st_mode & 0o077
                    if "keys" in folder or "journal" in folder:
                        self.assertEqual(mode, 0, os.path.join(folder, name))

    def test_check_and_backup_beside(self):
        """check, replay and backup work beside a server under load"""
        with Exchange(clock="real") as x:
            w = world(x)
            stop = []

            def load():
                with x.connect("bob") as client:
                    while not stop:
                        client.request([operation("token_burn", inputs=[99])] * 50)
            feeder = Feeder(load)
            try:
                for i in range(1 if SANITIZED else 3):
                    x.check()
                    done = boursed("backup", "--data", x.data, "--to", x.folder / f"backup-{i}")
                    self.assertEqual(done.returncode, 0, done.stderr)
                    done = boursed("check", "--data", x.folder / f"backup-{i}")
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            finally:
                stop.append(True)
            feeder.finish()
            done = boursed("backup", "--data", x.data, "--to", x.folder / "backup-0")
            self.assertEqual(done.returncode, 1)
            self.assertIn("backup-0", done.stderr)
            done = boursed("run", "--data", x.folder / "backup-0", "--listen", "127.0.0.1:0")
            self.assertEqual(done.returncode, 1)
            self.assertIn("restore", done.stderr)
            self.assertFalse((x.folder / "backup-0" / "keys" / "root.key").exists())
            pay_some(w, 2)

    def test_replay(self):
        """the journal replayed into an empty directory gives the same root and the same books"""
        with Exchange() as x:
            w = world(x)
            have = pay_some(w)
            x.stop()
            done = boursed("replay", "--data", x.data, "--into", x.folder / "again")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            head = w.alice.witness
            x.data = x.folder / "again"
            x.start()
            x.reconnect()
            self.assertGreaterEqual(w.alice.witness.size, head.size)
            self.assertEqual(w.bob.balance(w.series).tokens_ucr, have)
            x.books()

    def test_check_json(self):
        """check tells the same as JSON"""
        with Exchange() as x:
            world(x)
            x.stop()
            done = boursed("check", "--data", x.data, "--market", "--json")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            counts = {one["check"]: one.get("counts") for one in json.loads(done.stdout)["checks"]}
            self.assertEqual(set(counts["market"]), {"searches", "leases", "offers_asked",
                                                     "not_compared", "not_judged"})
            self.assertGreater(counts["journal"]["requests"], 0)
            self.assertGreater(counts["log"]["entries"], 0)


class Restore(unittest.TestCase):
    def test_complete(self):
        """a complete backup goes on as the same log"""
        with Exchange() as x:
            w = world(x)
            have = pay_some(w)
            x.restart()  # so that the image is there
            done = boursed("backup", "--data", x.data, "--to", x.folder / "backup")
            self.assertEqual(done.returncode, 0, done.stderr)
            x.kill()
            shutil.rmtree(x.data)
            done = boursed("restore", "--from", x.folder / "backup", "--data", x.data,
                           "--complete")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("at the first start", x.check().stdout)
            x.start()
            x.reconnect()  # each verifies that the log continues what it saw
            self.assertEqual(w.bob.balance(w.series).tokens_ucr, have)
            self.assertGreater(pay_some(w, 3), have)
            x.books()
            x.stop()
            x.check()

    def test_new_origin(self):
        """a backup without the journal's tail goes on under a new origin that names the old head"""
        with Exchange() as x:
            w = world(x)
            have = pay_some(w)
            head = w.alice.check_log()
            done = boursed("backup", "--data", x.data, "--to", x.folder / "backup")
            self.assertEqual(done.returncode, 0, done.stderr)
            pay_some(w, 5)
            x.kill()
            done = boursed("restore", "--from", x.folder / "backup", "--data", x.folder / "new",
                           "--origin", "example.org/e2e-2")
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("root-key", done.stderr)
            self.assertFalse((x.folder / "new").exists())
            done = boursed("restore", "--from", x.folder / "backup", "--data", x.folder / "new",
                           "--origin", "example.org/e2e-2", "--root-key",
                           x.data / "keys" / "root.key")
            self.assertEqual(done.returncode, 0, done.stderr)
            old_pin = x.pin
            x.data = x.folder / "new"
            x.start()
            self.assertNotEqual(x.pin.exchange_id, old_pin.exchange_id)
            self.assertEqual((x.pin.origin, x.pin.root), ("example.org/e2e-2", old_pin.root))
            with self.assertRaises((AssertionError, ProofError, Closed)):
                w.alice.connect(x.address)
            old_clients, x.clients = x.clients, {}
            for client in old_clients.values():
                client.close()
            with x.connect("bob") as bob:
                self.assertEqual(bob.balance(w.series).tokens_ucr, have)
                size = bob.status().log_size
                events = bob.events_until(bob.subscribe(0), size)
            self.assertEqual([e[1] for e in events[:2]], ["genesis", "restored"]
                             if events[0][1] == "genesis" else ["restored", "started"])
            event = [e[2] for e in events if e[1] == "restored"][0]
            self.assertEqual((event.former_origin, event.former_exchange_id),
                             (old_pin.origin, old_pin.exchange_id))
            self.assertGreaterEqual(event.former_size, head.size)
            again = Record({**w, "alice": x.client("alice"), "bob": x.client("bob")})
            self.assertGreater(pay_some(again, 3), have)
            x.books()
            x.restart()
            x.stop()
            x.check()

    def test_old_copy(self):
        """a server restored from an older copy is caught by the head that a client kept"""
        with Exchange() as x:
            w = world(x)
            pay_some(w)
            x.stop()
            shutil.copytree(x.data, x.folder / "old")
            x.start()
            x.reconnect()
            pay_some(w, 5)
            for client in x.clients.values():
                client.check_log()
            kept = w.alice.witness.size
            x.stop()
            shutil.rmtree(x.data)
            (x.folder / "old").rename(x.data)
            x.start()
            # At first the log is just too short to continue what was seen.
            with self.assertRaises((ProofError, Refused)):
                w.alice.connect(x.address)
            # Then it goes on differently, beyond the kept head.
            admin = x.connect("admin")
            x.clients["admin"] = admin
            while admin.status().log_size <= kept + 10:
                x.mint(w.series, (w.alice, 1))
            with self.assertRaises(ProofError):
                w.alice.connect(x.address)
            x.clients = {"admin": admin}
            for client in (w.alice, w.bob, w.operator):
                client.close()

    def test_certify(self):
        """a rotated log key and new certificates are accepted under the same pin"""
        with Exchange() as x:
            w = world(x)
            pay_some(w, 2)
            x.stop()
            done = boursed("certify", "--data", x.data, "--root-key",
                           x.data / "keys" / "root.key", "--rotate", "log")
            self.assertEqual(done.returncode, 0, done.stderr)
            x.start()
            x.reconnect()
            pay_some(w, 2)
            w.alice.receipt(0)
            x.stop()
            x.check()


    def test_certify_channel(self):
        """after the channel key is rotated the new pin works and the old one is refused"""
        with Exchange() as x:
            w = world(x)
            have = pay_some(w, 2)
            old_pin = x.pin
            x.stop()
            done = boursed("certify", "--data", x.data, "--root-key",
                           x.data / "keys" / "root.key", "--rotate", "channel")
            self.assertEqual(done.returncode, 0, done.stderr)
            new_pin = x.pin_in(done.stdout)
            self.assertNotEqual(new_pin.channel, old_pin.channel)
            self.assertEqual((new_pin.root, new_pin.exchange_id, new_pin.origin),
                             (old_pin.root, old_pin.exchange_id, old_pin.origin))
            x.start()
            self.assertEqual(x.pin.channel, new_pin.channel)
            with self.assertRaises(Closed):
                w.alice.connect(x.address)
            old_clients, x.clients = x.clients, {}
            for client in old_clients.values():
                client.close()
            self.assertEqual(x.client("bob").balance(w.series).tokens_ucr, have)
            for words in (boursed("certify", "--help").stdout.split(),):
                self.assertIn("clients must pin the new one", " ".join(words))
            x.stop()
            x.check()


class Damage(unittest.TestCase):
    def records(self, x):
        """Where records begin: (file, offset)."""
        found = []
        for path in sorted((x.data / "journal").iterdir()):
            data = path.read_bytes()
            found += [(path, at) for at in range(PAGE, len(data), PAGE)
                      if data[at:at + 8] == b"bourseR1"]
        return found

    @staticmethod
    def flip(path, offset):
        with open(path, "r+b") as out:
            out.seek(offset)
            byte = out.read(1)
            out.seek(offset)
            out.write(bytes([byte[0] ^ 0x10]))

    def refused(self, x):
        """The server does not start; what it says."""
        x.spawn()
        code = x.wait()
        self.assertEqual(code, 1)
        self.assertNotIn("listening", x.stdout())
        return x.stderr()

    def test_damaged_journal(self):
        """one flipped bit of the journal: named by file and offset, by run and by check"""
        with Exchange() as x:
            w = world(x)
            pay_some(w, 5)
            x.kill()
            records = self.records(x)
            path, at = records[len(records) // 2]
            self.flip(path, at + 200)
            done = boursed("check", "--data", x.data)
            self.assertEqual(done.returncode, 1)
            self.assertIn(path.name, done.stdout + done.stderr)
            self.assertIn(str(at), done.stdout + done.stderr)
            shutil.rmtree(x.data / "image")
            message = self.refused(x)
            self.assertIn(path.name, message)
            self.assertIn(str(at), message)
            self.flip(path, at + 200)
            x.start()
            x.reconnect()
            x.books()

    def test_damaged_last_record(self):
        """a whole last record with a flipped bit is damage, not a torn tail"""
        with Exchange() as x:
            w = world(x)
            x.stop()
            shutil.copytree(x.data / "image", x.folder / "image")
            x.start()
            x.reconnect()
            pay_some(w, 3)
            x.kill()
            shutil.rmtree(x.data / "image")
            shutil.copytree(x.folder / "image", x.data / "image")
            path, at = self.records(x)[-1]
            self.flip(path, at + 150)
            message = self.refused(x)
            self.assertIn(str(at), message)
            self.flip(path, at + 150)
            x.start()

    def test_torn_tail(self):
        """a last record that was never written whole is cut off; what it held can be asked again"""
        with Exchange() as x:
            w = world(x)
            have = pay_some(w, 3)
            token, = x.mint(w.series, (w.alice, 50))
            x.stop()
            before = x.folder / "before"
            shutil.copytree(x.data, before)
            x.start()
            x.reconnect()
            request = w.alice.prepare([transfer([token], (w.bob.account, 50))] +
                                      [operation("token_burn", inputs=[99])] * 200)
            w.alice.submit(request)
            x.kill()
            path, at = self.records(x)[-1]
            # One sector as it was before the record came, as when the power fails meanwhile.
            with open(before / "journal" / path.name, "rb") as old, open(path, "r+b") as new:
                old.seek(at + 1024)
                sector = old.read(512)
                new.seek(at + 1024)
                self.assertNotEqual(new.read(512), sector)
                new.seek(at + 1024)
                new.write(sector)
            shutil.rmtree(x.data / "image")
            shutil.copytree(before / "image", x.data / "image")
            x.start()
            self.assertIn("boursed: a record that was never completely written was cut off the "
                          "journal's end; nothing in it had been acknowledged\n", x.stderr())
            for name in ("admin", "alice", "bob"):
                # These heads may name events of the torn record: new witnesses.
                x.clients.pop(name).close()
            alice = x.client("alice")
            self.assertEqual(x.client("bob").balance(w.series).tokens_ucr, have)
            reply = alice.submit(request)
            self.assertEqual((reply.repeated, reply.results[0].refusal), (False, "accepted"))
            w.operator.close()
            del x.clients["operator-1"]
            x.stop()
            x.check()

    def test_lost_image_and_log(self):
        """image and log files are made again from the journal"""
        with Exchange() as x:
            w = world(x)
            have = pay_some(w)
            for lost in (("image",), ("log",), ("image", "log")):
                x.stop()
                for name in lost:
                    shutil.rmtree(x.data / name)
                x.start()
                self.assertEqual("they are made again from the journal" in x.stderr(),
                                 lost == ("log",))
                x.reconnect()
                self.assertEqual(w.bob.balance(w.series).tokens_ucr, have)
                w.alice.receipt(1)
            x.stop()
            x.check()

    def test_damaged_log(self):
        """a flipped bit in the log's files: check says what to do, and a start mends it"""
        with Exchange() as x:
            w = world(x)
            pay_some(w, 5)
            x.stop()
            for name, offset in (("events-000000", 700), ("tiles-0", 70), ("offsets", 17)):
                self.flip(x.data / "log" / name, offset)
                done = x.check(expected=1)
                self.assertRegex(done.stdout, "WRONG log .*derived data.*remove the folder log/")
                x.start()
                self.assertIn("they are made again from the journal", x.stderr())
                x.reconnect()
                w.alice.receipt(1)
                x.stop()
                x.check()

    def test_missing_first_segment(self):
        """a first segment that is missing is named"""
        with Exchange() as x:
            world(x)
            x.stop()
            first = x.data / "journal" / "0000000000000001"
            shutil.rmtree(x.data / "image")
            first.rename(x.folder / "aside")
            message = self.refused(x)
            self.assertIn("the journal is damaged", message)
            self.assertRegex(message, "there is no journal|segments? 1 .*missing")
            self.assertIn("restore from a backup", message)
            self.assertEqual(message.count(str(x.data / "journal")), 1)
            (x.folder / "aside").rename(first)
            x.start()

    def test_foreign_key(self):
        """keys that are not this exchange's are noticed before anything is served"""
        with Exchange(start=False) as x, Exchange(start=False) as other:
            shutil.copy(other.data / "keys" / "log.key", x.data / "keys" / "log.key")
            self.assertIn("log", self.refused(x))


class FullDisk(unittest.TestCase):
    def fill(self, x, w, limit, seconds=60):
        """Payments until the server stops; what was acknowledged."""
        acknowledged = []
        limit()
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                token, = x.mint(w.series, (w.alice, 10))
                request = w.alice.prepare([transfer([token], (w.bob.account, 10))] +
                                          [operation("token_burn", inputs=[10**9])] * 2000)
                acknowledged.append((request, w.alice.submit(request)))
        except Closed:
            return acknowledged
        self.fail("the server did not stop")

    def stopped_and_back(self, x, w, acknowledged, room):
        code = x.wait()
        message = x.stderr()
        tap.note(f"{len(acknowledged)} requests acknowledged; it said: "
                 f"{message.strip().splitlines()[-1]}")
        self.assertEqual(code, 1)
        room()
        x.start()
        x.reconnect()
        for request, reply in acknowledged:
            again = w.alice.submit(request)
            self.assertTrue(again.repeated)
            self.assertEqual(again.results, reply.results)
        x.books()
        x.stop()
        x.check()
        return message

    def test_full_disk(self):
        """a full disk stops the server with a clear message; nothing acknowledged is lost"""
        folder = tempfile.mkdtemp(prefix="bourse-e2e-full-")
        if os.geteuid() != 0 or subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=700m", "tmpfs", folder],
                capture_output=True).returncode != 0:
            os.rmdir(folder)
            self.skipTest("no tmpfs can be mounted here")
        try:
            with Exchange(folder=folder) as x:
                w = world(x)
                ballast = pathlib.Path(folder) / "ballast"

                def limit():
                    # The server may still be preparing its next segment; again until that is done.
                    with open(ballast, "wb") as out:
                        for _ in range(20):
                            free = shutil.disk_usage(folder).free - 300 * 1024
                            size = os.fstat(out.fileno()).st_size
                            try:
                                os.posix_fallocate(out.fileno(), size, max(free, PAGE))
                            except OSError:
                                pass
                            time.sleep(0.05)
                acknowledged = self.fill(x, w, limit)
                message = self.stopped_and_back(x, w, acknowledged, ballast.unlink)
                self.assertRegex(message, "no space left|disk")
                self.assertRegex(message, "room|space")
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
            os.rmdir(folder)

    def test_file_size_limit(self):
        """a journal that cannot be written on stops the server; nothing acknowledged is lost"""
        with Exchange() as x:
            w = world(x)
            limit = 3 << 20

            def lower():
                resource.prlimit(x.process.pid, resource.RLIMIT_FSIZE,
                                 (limit, resource.RLIM_INFINITY))
            acknowledged = self.fill(x, w, lower)
            self.assertGreater(len(acknowledged), 0)
            message = self.stopped_and_back(x, w, acknowledged, lambda: None)
            self.assertIn("a file has reached the limit on file sizes", message)
            self.assertIn("raise the limit", message)
            self.assertIn(str(x.data), message)



tap.main()
