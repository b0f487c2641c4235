"""A party that does everything there is to do in a market, at random and for its own good or not:
most of it may be refused. What must hold is what the exchange says of itself afterwards."""
from exchange import CREDIT, order
from messages import operation
from trader import Trader

LIMITS = (2 * CREDIT, 3 * CREDIT, 4 * CREDIT, 5 * CREDIT)


class Dealer(Trader):
    """Orders, leases and rules of a startup; with `sites`, offers and closures of an operator."""

    def __init__(self, client, series, market, rng, sites=()):
        super().__init__(client, series, 0, market, rng)
        self.sites = sites
        self.made = {"order": [], "lease": [], "offer": [], "rule": [], "closure": []}
        self.kinds = ("rest", "take", "amend", "cancel", "resell", "reprice", "withdraw", "extend",
                      "fund", "end", "rule", "change", "stop", "batch")
        if sites:
            self.kinds += ("publish", "stand", "reprice", "withdraw", "close", "reopen", "power",
                           "activate") * 2

    # --- Requests ---

    def one(self, kind, default=1):
        return self.random.choice(self.made[kind]) if self.made[kind] else default

    def token(self):
        """One that nothing else on its way names, most of the time."""
        if len(self.pool) > 1 and self.random.random() < 0.95:
            return self.pick()[0]
        return next(iter(self.pool))

    def place(self, **values):
        now = self.client.now_s() // 60 * 60
        gpus = self.random.randint(1, 40)
        start = now + 60 * self.random.choice((0, 2, 30, 600))
        return operation("order_place", **{**order(
            self.market.sku, gpus=gpus, minutes=self.random.choice((2, 30, 300)),
            limit=self.random.choice(LIMITS), start_from_s=start,
            start_until_s=start + self.random.choice((0, 3600, 86400)), profile="tuning",
            placement=self.random.choice(("one_site", "spread")), tokens=[self.token()]),
            "gpus_min": self.random.randint(1, gpus), **values})

    def publish(self, **values):
        now = self.client.now_s() // 60 * 60
        return operation("offer_publish", **{
            "site": self.random.choice(self.sites), "sku": self.market.sku,
            "gpus": 4 * self.random.randint(1, 10), "block_gpus": self.random.choice((1, 1, 4)),
            "start_s": 0, "end_s": now + self.random.choice((600, 7200, 86400)),
            "price_ucr": self.random.choice(LIMITS), "lease_min_min": 1, "billing": "metered",
            "meter_period_min": self.random.choice((1, 60)), **values})

    def operation_of(self, kind):
        r, now = self.random, self.client.now_s()
        if kind == "rest":
            return self.place(time_in_force="good_till_time",
                              rest_until_s=now + r.choice((2, 10, 3600)))
        if kind == "take":
            return self.place()
        if kind == "amend":
            return operation("order_amend", order=self.one("order"), gpus=r.randint(1, 50), skus=[
                {"sku": self.market.sku, "limit_price_ucr": r.choice(LIMITS)}],
                tokens=[self.token()])
        if kind == "cancel":
            return operation("order_cancel", order=self.one("order"))
        if kind == "resell":
            return operation("lease_resell", lease=self.one("lease"), gpus=r.randint(1, 8),
                             block_gpus=1, price_ucr=r.choice(LIMITS), lease_min_min=1)
        if kind == "reprice":
            return operation("offer_amend", offer=self.one("offer"), has_price=True,
                             gpus=r.choice((0, 0, 8, 40)), price_ucr=r.choice(LIMITS))
        if kind == "withdraw":
            return operation("offer_withdraw", offer=self.one("offer"))
        if kind == "extend":
            return operation("lease_extend", lease=self.one("lease"), duration_min=r.randint(1, 60),
                             tokens=[self.token()])
        if kind == "fund":
            return operation("lease_fund", lease=self.one("lease"), tokens=[self.token()])
        if kind == "end":
            return operation("lease_end", lease=self.one("lease"))
        if kind == "rule":
            return operation("rule_add", skus=[{"sku": self.market.sku, "limit_price_ucr":
                                                r.choice(LIMITS)}], gpus=r.randint(1, 20),
                             horizon_min=60, resell=True, sell_price_ucr=r.choice(LIMITS),
                             profile="tuning", tokens=[self.token()])
        if kind == "change":
            return operation("rule_change", rule=self.one("rule"), gpus=r.randint(0, 20),
                             tokens=[self.token()])
        if kind == "stop":
            return operation("rule_end", rule=self.one("rule"))
        return self.operator_operation_of(kind)

    def operator_operation_of(self, kind):
        r, now = self.random, self.client.now_s() // 60 * 60
        if kind == "publish":
            return self.publish()
        if kind == "stand":
            return self.publish(end_s=0, standing_min=r.choice((60, 600)))
        if kind == "close":
            return operation("site_close", site=r.choice(self.sites), kind=r.choice(
                ("maintenance", "outage")), start_s=0, end_s=now + r.choice((120, 3600)))
        if kind == "reopen":
            return operation("site_reopen", closure=self.one("closure"))
        if kind == "power":
            return operation("site_change", site=r.choice(self.sites), power_kw=r.choice(
                (500, 100_000)))
        return operation("lease_activate", lease=self.one("lease", r.randint(1, 50)), access=b"x")

    def make(self):
        kind = self.random.choice(self.kinds)
        if kind == "batch":
            kinds = [k for k in self.kinds if k != "batch"]
            operations = [self.operation_of(self.random.choice(kinds))
                          for _ in range(self.random.randint(2, 6))]
        else:
            operations = [self.operation_of(kind)]
        request = self.client.prepare(operations, atomic=self.random.random() < 0.5,
                                      valid_until_s=self.client.now_s() + 590)
        return request, kind, [], [], 0

    # --- Answers ---

    OBJECTS = {"order_place": "order", "lease_resell": "offer", "offer_publish": "offer",
               "rule_add": "rule", "site_close": "closure"}

    def settle(self, made, reply):
        request = made[0]
        assert reply.refusal == "accepted", f"{made[1]}: {reply.refusal}"
        for done, result in zip(request.operations, reply.results):
            if result.refusal != "accepted":
                continue
            if done.name in self.OBJECTS:
                self.made[self.OBJECTS[done.name]].append(result.object)
            self.made["lease"] += range(result.lease_first, result.lease_first + result.lease_count)
            self.leases += result.lease_count
            for token in range(result.token_first, result.token_first + result.token_count):
                self.pool[token] = 0
        reply = dict(reply)
        reply.pop("seq")
        reply.pop("repeated")
        self.acknowledged.append((request, reply))

    def look(self):
        """What it owns now: much comes and goes in ticks."""
        self.pool = {t.token: t.amount_ucr for t in self.client.tokens(self.series)}
        self.made["lease"] = [row.lease for row in self.client.rows("leases")][-50:]
        self.made["order"] = self.made["order"][-50:]
        self.made["offer"] = self.made["offer"][-50:]
