"""Clocks that jump, forward, backward or over an outage, and what the server says of it."""
import pathlib
import shutil
import tempfile
import time
import unittest

import tap
from exchange import CREDIT, HOUR, SANITIZED, Exchange, order, pay_some, world
from keys import seal
from messages import operation

FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


@unittest.skipUnless(FAKETIME.exists(), "libfaketime is not installed")
@unittest.skipIf(SANITIZED, "libfaketime and sanitizers do not go together")
class Clocks(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="bourse-e2e-time-")
        self.clock = pathlib.Path(self.folder) / "offset"
        self.shift("+0s")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def shift(self, offset):
        """Sets the wall clock that the server sees; its monotonic clock goes on as it was."""
        new = self.clock.with_suffix(".new")
        new.write_text(offset + "\n")
        new.rename(self.clock)

    def exchange(self):
        return Exchange(clock="real", environment={
            "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self.clock),
            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1", "DONT_FAKE_MONOTONIC": "1"})

    def lease(self, x, w):
        """A lease that begins about now."""
        token, = x.mint(w.series, (w.alice, 1000 * CREDIT))
        start = w.alice.query("offers", offer=w.offer).rows[0].start_s
        return w.alice.do("order_place", **order(w.sku, start_from_s=start, start_until_s=start,
                                                 tokens=[token])).lease_first

    def test_outage(self):
        """the time the exchange was down does not count against its users"""
        with self.exchange() as x:
            w = world(x)
            lease = self.lease(x, w)
            row = w.alice.query("leases", lease=lease).rows[0]
            x.kill()
            self.shift("+50m")
            x.start()
            x.reconnect()
            moved = w.alice.query("leases", lease=lease).rows[0]
            self.assertEqual(moved.state, "granted")
            self.assertGreater(moved.activate_by_s, row.activate_by_s + 45 * 60)
            w.operator.do("lease_activate", lease=lease,
                          access=seal(w.alice.keys.channel_public, b"x"))
            size = w.admin.status().log_size
            started = [e[2] for e in w.admin.events_until(w.admin.subscribe(0), size)
                       if e[1] == "started"]
            self.assertEqual(started[0].outage_from_s, 0)
            self.assertGreater(started[-1].outage_from_s, 0)
            self.assertGreater(started[-1].time_s - started[-1].outage_from_s, 45 * 60)
            x.stop()
            x.check()

    def test_forward(self):
        """a jump of hours waits for the admin's word and expires nothing"""
        with self.exchange() as x:
            w = world(x)
            soon = x.series("soon", expires_s=x.now_s() + 2 * HOUR)
            token, = x.mint(soon, (w.alice, 7))
            before = x.now_s()
            self.shift("+5h")
            until = time.monotonic() + 20
            while not w.admin.status().clock_waits:
                self.assertLess(time.monotonic(), until, "the jump is not noticed")
                w.bob.request(operation("token_burn", inputs=[99]))
            self.assertEqual(x.stderr().count("boursed: the clock jumped to"), 1)
            status = w.admin.status()
            self.assertLess(status.time_s, before + 120)
            self.assertGreater(status.clock_s, before + 4 * HOUR)
            self.assertEqual([t.token for t in w.alice.tokens(soon)], [token])
            w.admin.do("clock_advance", time_s=status.clock_s)
            until = time.monotonic() + 20
            while w.admin.status().time_s < before + 4 * HOUR and time.monotonic() < until:
                time.sleep(0.05)
            self.assertGreater(w.admin.status().time_s, before + 4 * HOUR)
            self.assertFalse(w.admin.status().clock_waits)
            while w.alice.tokens(soon) and time.monotonic() < until:
                time.sleep(0.05)
            self.assertEqual(w.alice.tokens(soon), [])
            x.stop()
            x.check()

    def test_backward(self):
        """a clock set back: the exchange's time stands, and never runs backwards"""
        with self.exchange() as x:
            w = world(x)
            before = x.now_s()
            self.shift("-40m")
            pay_some(w, 3)
            self.assertGreaterEqual(w.admin.status().time_s, before)
            self.assertEqual(x.stderr().count("is behind the exchange's time"), 1)
            x.restart()
            self.assertEqual(x.stderr().count("is behind the exchange's time"), 1)
            pay_some(w, 3)
            self.assertGreaterEqual(w.admin.status().time_s, before)
            size = w.admin.status().log_size
            times = [e[2].time_s for e in w.admin.events_until(w.admin.subscribe(0), size)]
            self.assertEqual(times, sorted(times))
            x.stop()
            x.check()


tap.main()
