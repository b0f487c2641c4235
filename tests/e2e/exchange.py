"""An exchange for a test: starts and ends the real `boursed` in a folder of its own, and makes
accounts, SKUs, offers, series and tokens as tests need them."""
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import weakref

import tap
from keys import Keys, Pin
from messages import Record, operation
from wire import Client, Closed

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BOURSE_BIN", ROOT / "build")).resolve()
BOURSED = BIN / "boursed"
BOURSE = BIN / "bourse"
SANITIZED = os.environ.get("BOURSE_SANITIZED") == "1"
LONG = os.environ.get("BOURSE_LONG") == "1"
SLOWER = 4 if SANITIZED else 1
REPORTS = re.compile(r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:|"
                     r"Assertion .* failed")
CREDIT = 1_000_000
HOUR = 3600


def seed():
    """The seed of a random test: from BOURSE_SEED, or fresh and printed."""
    value = int(os.environ.get("BOURSE_SEED") or random.SystemRandom().getrandbits(32))
    tap.note(f"seed {value}; run it again with BOURSE_SEED={value}")
    return value


def run(program, *arguments, timeout=60 * SLOWER, input_text=None, **options):
    """Runs a program to its end; stdout and stderr as text."""
    done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, input=input_text,
                          stdin=subprocess.DEVNULL if input_text is None else None, **options)
    report = REPORTS.search(done.stderr)
    if report:
        raise AssertionError(f"{program} {arguments}: {report.group(0)}\n{done.stderr[-4000:]}")
    return done


def boursed(*arguments, **options):
    return run(BOURSED, *arguments, **options)


class ServerFailed(AssertionError):
    """The server did not start or did not end as it should."""


def end_quietly(processes, folder):
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait()
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


class Exchange:
    """One data directory and, while it runs, the server on it."""

    def __init__(self, clock="manual", origin="example.org/e2e", folder=None, init=True,
                 init_options=(), start=True, environment=None, preexec=None):
        self.clock, self.origin = clock, origin
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="bourse-e2e-"))
        self.data = self.folder / "data"
        self.environment = {**os.environ, **(environment or {})}
        self.preexec = preexec
        self.process = None
        self.processes = []
        self.starts = 0
        self.address = None
        self.port = 0  # any free one; set to listen where the server before it did
        self.pin = None
        self.clients = {}
        self.admin_keys = Keys.named("admin")
        self.finalizer = weakref.finalize(self, end_quietly, self.processes,
                                          None if folder else str(self.folder))
        if init:
            self.init(init_options)
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            for client in self.clients.values():
                client.close()
            if self.process is not None and kind is None:
                self.stop()
        finally:
            self.finalizer()

    # --- The server ---

    def init(self, options=()):
        done = boursed("init", "--data", self.data, "--origin", self.origin, "--admin",
                       self.admin_keys.text(), *options)
        if done.returncode != 0:
            raise ServerFailed(f"init: {done.stderr}")
        self.pin = self.pin_in(done.stdout)
        return done

    @staticmethod
    def pin_in(text):
        match = re.search(r"bourse-exchange:v1:\S+", text)
        if match is None:
            raise ServerFailed(f"no pin in: {text}")
        return Pin(match.group(0))

    def stdout(self):
        return pathlib.Path(f"{self.folder}/stdout-{self.starts}").read_text()

    def stderr(self):
        return pathlib.Path(f"{self.folder}/stderr-{self.starts}").read_text()

    def spawn(self, *options):
        """Starts the server without waiting for it."""
        assert self.process is None, "it runs already"
        self.starts += 1
        out = open(self.folder / f"stdout-{self.starts}", "wb")
        err = open(self.folder / f"stderr-{self.starts}", "wb")
        arguments = [str(BOURSED), "run", "--data", str(self.data), "--listen",
                     f"127.0.0.1:{self.port}"]
        if self.clock == "manual":
            arguments += ["--clock", "manual"]
        with out, err:
            self.process = subprocess.Popen(arguments + list(options), stdout=out, stderr=err,
                                            stdin=subprocess.DEVNULL, env=self.environment,
                                            preexec_fn=self.preexec)
        self.processes.append(self.process)

    def start(self, *options, timeout=30 * SLOWER):
        """Starts the server and waits until it listens."""
        self.spawn(*options)
        until = time.monotonic() + timeout
        while True:
            text = self.stdout()
            match = re.search(r"^listening on ([\d.]+):(\d+)$", text, re.M)
            if match:
                break
            if self.process.poll() is not None or time.monotonic() > until:
                code = self.process.poll()
                self.kill()
                raise ServerFailed(f"the server did not start (exit code {code}): {self.stderr()}")
            time.sleep(0.005)
        self.address = (match.group(1), int(match.group(2)))
        self.pin = self.pin_in(text)
        for client in self.clients.values():
            client.address = self.address
        return self

    def check_stderr(self):
        report = REPORTS.search(self.stderr())
        if report:
            raise ServerFailed(self.stderr()[-8000:])

    def wait(self, timeout=60 * SLOWER):
        """Waits for the server to end by itself; its exit code."""
        process, self.process = self.process, None
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise ServerFailed(f"the server does not end: {self.stderr()}") from None

    def stop(self, expected=0):
        self.process.send_signal(signal.SIGTERM)
        code = self.wait()
        self.check_stderr()
        if code != expected:
            raise ServerFailed(f"the server ended with {code}: {self.stderr()[-4000:]}")

    def kill(self):
        """SIGKILL, as a power failure of the process."""
        process, self.process = self.process, None
        process.kill()
        process.wait()
        self.check_stderr()

    def restart(self, reconnect=True):
        """Stops and starts; known clients connect again and check the log."""
        self.stop()
        self.start()
        if reconnect:
            self.reconnect()

    def reconnect(self):
        for client in self.clients.values():
            client.connect(self.address)

    def check(self, expected=0):
        done = boursed("check", "--data", self.data, timeout=120 * SLOWER)
        if done.returncode != expected:
            raise AssertionError(f"check ended with {done.returncode}: "
                                 f"{(done.stdout + done.stderr)[-4000:]}")
        return done

    def memory_kib(self):
        """Resident memory of the server."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M).group(1))

    def books(self):
        """Conservation as the wire shows it: each series adds up, and the accounts add up to it."""
        kinds = ("tokens_ucr", "gifts_ucr", "escrow_ucr", "balance_ucr", "paid_out_ucr",
                 "burned_ucr", "expired_ucr")
        sums = {}
        for account in self.admin.rows("accounts"):
            for row in self.admin.rows("balances", account=account.account):
                for kind in kinds:
                    key = row.series, kind
                    sums[key] = sums.get(key, 0) + row[kind]
        for supply in self.admin.rows("supply"):
            total = sum(supply[kind] for kind in kinds)
            assert supply.minted_ucr == total, f"series {supply.series}: {supply}"
            for kind in kinds:
                found = sums.get((supply.series, kind), 0)
                assert supply[kind] == found, \
                    f"series {supply.series}: {kind} is {supply[kind]}, accounts hold {found}"

    def serves(self):
        """A fresh connection is answered."""
        with self.visitor() as client:
            assert client.status().log_size > 0

    # --- Clients ---

    def connect(self, name, **options):
        """A new connection with the keys of this name."""
        keys = self.admin_keys if name == "admin" else Keys.named(name)
        until = time.monotonic() + 10
        while True:
            try:
                return Client(self.address, self.pin, keys, **options)
            except Closed:
                if time.monotonic() > until or (self.process and self.process.poll() is not None):
                    raise
                time.sleep(0.01)

    def visitor(self, name="visitor"):
        """Somebody without an account."""
        return self.connect(name)

    def client(self, name):
        """The connection of this name; kept, and made again after restarts."""
        if name not in self.clients:
            self.clients[name] = self.connect(name)
        return self.clients[name]

    @property
    def admin(self):
        return self.client("admin")

    # --- What tests need ---

    def account(self, name, role="startup"):
        """Registers an account with keys of its name and connects as it."""
        keys = Keys.named(name)
        self.admin.do("account_register", name=name, role=role, sign_key=keys.sign_public,
                      channel_key=keys.channel_public)
        return self.client(name)

    def now_s(self):
        return self.admin.status().time_s

    def advance(self, seconds=0, to_s=None):
        """Moves a manual clock on and lets the exchange work off what has become due."""
        to_s = to_s or self.now_s() + seconds
        self.admin.do("clock_advance", time_s=to_s)
        # What is due is worked off before the next request, whatever that is.
        self.admin.refusal_of("account_unfreeze", account=self.admin.account)
        for client in self.clients.values():
            client.saw_time(to_s)
        return to_s

    def series(self, name="main", **values):
        values = {"funder": self.admin.account, "expired_to": self.admin.account,
                  "transferable": True, **values}
        return self.admin.do("series_create", name=name, **values).object

    def mint(self, series, *outputs):
        """Mints to (client, amount) each; the serials."""
        result = self.admin.do("mint", series=series, outputs=[
            {"account": client.account, "amount_ucr": amount} for client, amount in outputs])
        assert result.token_count == len(outputs)
        return list(range(result.token_first, result.token_first + result.token_count))

    def sku(self, name="gb300-nvl72", power_w=1400):
        return self.admin.do("sku_add", name=name, vendor="NVIDIA", model=name.upper(),
                             memory_gb=288, interconnect="NVLink", power_w=power_w,
                             generation="blackwell").object

    def site(self, operator, name="hall-1", region="US-TX", jurisdiction="US", power_kw=100_000):
        return operator.do("site_add", name=name, region=region, jurisdiction=jurisdiction,
                           power_kw=power_kw, carbon_g_per_kwh=300).object

    def offer(self, operator, site, sku, gpus=1000, hours=48, price=3 * CREDIT, start_s=None,
              **values):
        start_s = start_s if start_s is not None else (self.now_s() + 59) // 60 * 60
        values = {"block_gpus": 1, "lease_min_min": 1, "billing": "reserved",
                  "meter_period_min": 60, **values}
        return operator.do("offer_publish", site=site, sku=sku, gpus=gpus, start_s=start_s,
                           end_s=start_s + hours * HOUR, price_ucr=price, **values).object


def order(sku, gpus=8, minutes=60, limit=10 * CREDIT, **values):
    """The fields of a redemption."""
    skus = sku if isinstance(sku, list) else [{"sku": sku, "limit_price_ucr": limit}]
    return {"skus": skus, "gpus": gpus, "gpus_min": gpus, "block_gpus": 1,
            "duration_min": minutes,
            "placement": "one_site", "time_in_force": "immediate_or_cancel",
            "profile": "training", **values}


def transfer(inputs, *outputs):
    """The operation that pays (account, amount) each."""
    return operation("token_transfer", inputs=inputs, outputs=[
        {"account": account, "amount_ucr": amount} for account, amount in outputs])


def world(exchange):
    """What most tests want: an operator with an offer, two startups, a series."""
    w = Record(exchange=exchange, admin=exchange.admin)
    w["operator"] = exchange.account("operator-1", "operator")
    w["alice"] = exchange.account("alice")
    w["bob"] = exchange.account("bob")
    w["series"] = exchange.series()
    w["sku"] = exchange.sku()
    w["site"] = exchange.site(w.operator)
    w["offer"] = exchange.offer(w.operator, w.site, w.sku)
    return w


def pay_some(w, count=20):
    """A few payments; the balance of bob afterwards."""
    for _ in range(count):
        token, = w.exchange.mint(w.series, (w.alice, 10))
        w.alice.request(transfer([token], (w.bob.account, 4), (w.alice.account, 6)))
    return w.bob.balance(w.series).tokens_ucr
