"""`bourse events --follow` and what the command does about a rewritten history."""
import json
import pathlib
import re
import shutil
import socket
import subprocess
import time

import tap
from exchange import BOURSE, Exchange
from user import CONNECTION, UNTRUSTED, Desk, User


class Follow(Desk):
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


tap.main()
