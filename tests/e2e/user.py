"""Somebody who uses the command `bourse`, and the market that they meet in."""
import json
import os
import unittest

from exchange import BOURSE, CREDIT, run
from keys import Keys

OK, USAGE, REFUSED, CONNECTION, UNTRUSTED, LOCAL = range(6)


class User:
    """Somebody with a home folder, a key file and a configuration of their own."""

    def __init__(self, exchange, name, key=True, config=True):
        self.exchange, self.name = exchange, name
        self.home = exchange.folder / f"home-{name}"
        self.home.mkdir()
        self.environment = {"HOME": str(self.home), "PATH": os.environ["PATH"],
                            **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}
        if key:
            folder = self.home / ".config" / "bourse"
            folder.mkdir(parents=True)
            keys = exchange.admin_keys if name == "admin" else Keys.named(name)
            keys.write(folder / "key")
        if config:
            self.ok("config", "init", "--server", self.server(), "--exchange", exchange.pin.line)

    def server(self):
        return "%s:%d" % self.exchange.address

    def __call__(self, *arguments, **options):
        return run(BOURSE, *arguments, env=self.environment, cwd=self.home, **options)

    def ok(self, *arguments, **options):
        """What it prints to stdout; it must succeed."""
        done = self(*arguments, **options)
        assert done.returncode == OK, \
            f"{self.name}: bourse {' '.join(map(str, arguments))}: {done.returncode}: {done.stderr}"
        return done.stdout

    def json(self, *arguments, **options):
        return json.loads(self.ok(*arguments, "--json", **options))

    def fails(self, code, *arguments, **options):
        """Its message; it must end with this code and print nothing to stdout."""
        done = self(*arguments, **options)
        assert done.returncode == code, f"{self.name}: bourse {' '.join(map(str, arguments))}: " \
            f"{done.returncode} instead of {code}: {done.stdout} {done.stderr}"
        assert done.stderr.strip(), "no message"
        return done.stderr


def registered(exchange, roles):
    """An admin and who has these roles, by name; the admin registers the accounts in this order."""
    users = {"admin": User(exchange, "admin")}
    for name, role in roles.items():
        users[name] = User(exchange, name)
        users["admin"].ok("account", "register", name, users[name].ok("keygen", "--show").strip(),
                          "--role", role)
    return users


class Desk(unittest.TestCase):
    """Tests of the command in a market that it set up."""

    def market(self, x):
        """Admin, operator and two startups; the set-up itself goes through the command."""
        admin = User(x, "admin")
        users = {"admin": admin}
        for name, role in (("acme", "startup"), ("beta", "startup"), ("gridco", "operator"),
                           ("fund", "guarantor"), ("audit", "auditor")):
            users[name] = User(x, name)
            public = users[name].ok("keygen", "--show").strip()
            self.assertEqual(public, Keys.named(name).text())
            made = admin.json("account", "register", name, public, "--role", role)
            self.assertGreater(made["account"], 1)
        self.assertIn("registered", admin.ok("account", "register", "spare",
                                             Keys.named("spare").text(), "--role", "startup"))
        admin.ok("sku", "add", "gb300", "--vendor", "NVIDIA", "--model", "GB300", "--memory-gb",
                 "288", "--power-w", "1400", "--interconnect", "NVLink 5", "--generation",
                 "blackwell")
        admin.ok("sku", "add", "h100", "--vendor", "NVIDIA", "--model", "H100", "--memory-gb",
                 "80", "--power-w", "700")
        users["gridco"].ok("site", "add", "batam", "--region", "ID", "--power-kw", "360000",
                           "--carbon", "620", "--certification",
                           "ISO 27001:TUV:2030-01-01T00:00:00Z")
        admin.ok("series", "create", "spring", "--funder", "fund", "--expires", "+365d")
        admin.ok("mint", "spring", "acme=1000", "beta=250.5")
        return users

    def offer(self, users, price="2.5", gpus="170000"):
        users["gridco"].ok("offer", "publish", "--site", "batam", "--sku", "gb300", "--gpus", gpus,
                           "--for", "30d", "--price", price)

    @staticmethod
    def ten_tokens(user):
        token = user.json("token", "list")[0]["token"]
        user.ok("token", "split", token, *["1"] * 10)
        return [t["token"] for t in user.json("token", "list") if t["amount_ucr"] == CREDIT]
