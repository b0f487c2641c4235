"""Amounts, the ledger and what the other parts of the model share. Written from docs/protocol.md,
not from the code it is compared with."""
import pathlib
import re

BEGIN_S = 1800000000
MINUTE = 60
ACTIVATION_GRACE_S = 3600
METER_GRACE_S = 7200
DISPUTE_WINDOW_S = 14400
ELASTIC_GRACE_S = 24 * 3600
STANDING_STEP_S = 3600
ORDER_LEASES_MAX = 64

ROOT = pathlib.Path(__file__).resolve().parents[2]
_rows = re.findall(r"^ +X\(([a-z_]+), +(\d+),", (ROOT / "protocol/refusal.h").read_text(), re.M)
PRECEDENCE = {name: place for place, (name, _) in enumerate(_rows)}


class Refused(Exception):
    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


def refuse(condition, reason):
    if condition:
        raise Refused(reason)


class Grounds:
    """Grounds for refusing, all looked at; the first by the table's order is given."""

    def __init__(self):
        self.found = []

    def when(self, condition, reason):
        if condition:
            self.found.append(reason)

    def of(self, check):
        """What the check returns, or None where it refuses."""
        try:
            return check()
        except Refused as refused:
            self.found.append(refused.reason)
            return None

    def refuse(self):
        if self.found:
            raise Refused(min(self.found, key=PRECEDENCE.__getitem__))


def first_refusal(*checks):
    """Runs all checks and raises the first of their refusals by the table's order."""
    grounds = Grounds()
    results = [grounds.of(check) for check in checks]
    grounds.refuse()
    return results


def ceil_div(a, b):
    return -(-a // b)


def minute_floor(seconds):
    return seconds // MINUTE


def minute_ceil(seconds):
    return ceil_div(seconds, MINUTE)


def cost_of(gpu_minutes, price):
    return ceil_div(gpu_minutes * price, 60)


def split(total, holdings):
    """Pro rata: part i is floor(total W(i) / W) - floor(total W(i-1) / W)."""
    whole = sum(holdings)
    refuse(total > whole, "insufficient_funds")
    parts, reached, given = [], 0, 0
    for held in holdings:
        reached += held
        until = total * reached // whole if whole else 0
        parts.append(until - given)
        given = until
    return parts


class Books:
    """What every account has of every series, by kind."""
    KINDS = ("tokens", "escrow", "balance", "expired", "burned", "paid_out")

    def __init__(self):
        self.held = {}
        self.minted = {}

    def of(self, account, series, kind):
        return self.held.get((account, series, kind), 0)

    def add(self, account, series, kind, amount):
        key = (account, series, kind)
        self.held[key] = self.held.get(key, 0) + amount
        assert self.held[key] >= 0, f"{key} falls below zero"

    def move(self, series, source, target, amount):
        """From and to (account, kind)."""
        self.add(source[0], series, source[1], -amount)
        self.add(target[0], series, target[1], amount)

    def mint(self, account, series, amount):
        self.minted[series] = self.minted.get(series, 0) + amount
        self.add(account, series, "tokens", amount)

    def check(self):
        """Nothing is made or lost: minted is the sum of all places."""
        sums = {}
        for (_, series, _), amount in self.held.items():
            sums[series] = sums.get(series, 0) + amount
        for series, amount in self.minted.items():
            assert sums.get(series, 0) == amount, f"series {series}: {sums.get(series)} of {amount}"


class Escrow:
    """Rows of [owner, series, amount] in the order of pay."""

    def __init__(self):
        self.rows = []

    def total(self):
        return sum(row[2] for row in self.rows)

    def add(self, owner, series, amount):
        for row in self.rows:
            if row[0] == owner and row[1] == series:
                row[2] += amount
                return
        self.rows.append([owner, series, amount])

    def take(self, total):
        """Takes `total` pro rata; what was taken as rows of the same kind."""
        parts = split(total, [row[2] for row in self.rows])
        taken = []
        for row, part in zip(self.rows, parts):
            row[2] -= part
            if part:
                taken.append([row[0], row[1], part])
        return taken
