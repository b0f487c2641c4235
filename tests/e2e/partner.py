"""Parties to contracts under load: they propose, accept, fund, elect, declare, pay, call and
approve at random, most of it not allowed just then. What was acknowledged must be there afterwards,
to the micro-credit; `Book` knows what that was."""
import datetime
import threading

from exchange import CREDIT, order
from messages import operation
from trader import Trader

KINDS = ("backstop", "revshare", "grant", "guarantee")
GRANTS = 3  # each has a series of its own
PROFILE = {"funder": ("propose", "answer", "fund", "fund", "withdraw", "elect", "record"),
           "operator": ("propose", "answer", "answer", "fund", "activate"),
           "startup": ("propose", "answer", "declare", "declare", "pay", "pay", "order"),
           "beneficiary": ("call",),
           "admin": ("suggest", "approve", "approve", "reject", "release", "mint")}


def month_s(time_s, back):
    """The first second of the calendar month so many months before this one."""
    day = datetime.datetime.fromtimestamp(time_s, datetime.timezone.utc)
    months = day.year * 12 + day.month - 1 - back
    return int(datetime.datetime(months // 12, months % 12 + 1, 1,
                                 tzinfo=datetime.timezone.utc).timestamp())


class Book:
    """What was acknowledged to all partners together."""

    def __init__(self):
        self.lock = threading.Lock()
        self.contracts = {kind: [] for kind in KINDS}
        self.versions = {}  # contract: the highest proposed
        self.accepted = {}  # contract: the highest accepted
        self.sums = {}      # (what, contract or so): micro-credits
        self.months = {}    # (account, month): [amount declared last, how often]
        self.leases = set()
        self.proposals = []
        self.approvals = set()  # (proposal, account)

    def add(self, what, key, amount):
        self.sums[what, key] = self.sums.get((what, key), 0) + amount

    def sum(self, what, key):
        return self.sums.get((what, key), 0)


class Partner(Trader):
    """One account; `world` has the accounts, the market and the series of grants."""

    def __init__(self, client, profile, world, book, rng):
        super().__init__(client, world.series, 0, None, rng)
        self.profile, self.world, self.book = profile, world, book
        self.look()

    def look(self):
        """The tokens it holds; those of a series for grants apart."""
        rows = self.client.tokens()
        self.purse = [t.token for t in rows if t.series == self.world.series]
        self.seeds = [t.token for t in rows if t.series != self.world.series]
        self.pool = {0: 0}  # what the load asks for before it makes a request; it pays from purses

    # --- Requests ---

    def token(self, purse):
        return purse.pop() if purse else 1

    def contract(self, *kinds):
        known = self.book.contracts[self.random.choice(kinds or KINDS)]
        if kinds and self.random.random() < 0.8:
            known = [c for c in known if c in self.book.accepted]
        return self.random.choice(known) if known else 1

    def terms(self, kind):
        r, w, now = self.random, self.world, self.client.now_s() // 60 * 60
        if kind == "backstop":
            start = now + 60 * r.randint(2, 600)
            return {"guarantor": w.funder, "operator": w.operator, "site": w.site, "sku": w.sku,
                    "gpus": r.randint(1, 40), "strike_ucr": CREDIT, "period_min": r.choice((1, 2)),
                    "start_s": start, "end_s": start + 60 * r.randint(2, 20),
                    "pool_ucr": 1000 * CREDIT, "lots": [{"gpus": 40, "from_s": now}],
                    "price_max_ucr": 9 * CREDIT}
        if kind == "revshare":
            return {"beneficiary": w.funder, "operator": w.operator, "base": "gross",
                    "rank": r.randint(1, 9), "start_s": now, "window_days": 1,
                    "milestone": "revenue", "phases": [{"rate_bp": r.randint(1, 100)}]}
        if kind == "grant":
            return {"funder": w.funder, "startup": r.choice(w.startups),
                    "series": r.choice(w.seeds), "share_bp": 500, "cap_bp": 15000,
                    "start_s": month_s(now, 3), "term_months": 24, "declare_days": 365,
                    "tranches": [{"kind": "date", "amount_ucr": 5 * CREDIT, "from_s": now - 60},
                                 {"kind": "admin", "amount_ucr": 5 * CREDIT}]}
        return {"guarantor": w.funder, "operator": w.operator, "beneficiary": w.beneficiary,
                "site": w.site, "limit_ucr": r.randint(1, 50) * CREDIT, "start_s": now - 3600,
                "end_s": now + 86400, "step_in": True}

    def propose(self):
        """A new contract, or now and then an amendment."""
        kind = self.random.choice(KINDS if self.profile == "funder" else
                                  ("grant",) if self.profile == "startup" else
                                  ("backstop", "revshare", "guarantee"))
        amended = self.contract(kind) if self.random.random() < 0.4 else 0
        return operation(kind + "_propose", contract=amended if amended > 1 else 0,
                         **self.terms(kind))

    def answer(self):
        contract = self.contract()
        name = "contract_decline" if self.random.random() < 0.1 else "contract_accept"
        return operation(name, contract=contract, version=self.book.versions.get(contract, 1))

    def operation_of(self, kind):
        r, w = self.random, self.world
        if kind in ("propose", "answer"):
            return getattr(self, kind)()
        if kind == "fund":
            if self.profile == "operator":
                contract = self.contract("guarantee")
            else:
                contract = self.contract("backstop", "grant", "guarantee")
            seeds = contract in self.book.contracts["grant"]
            return operation("contract_fund", contract=contract,
                             tokens=[self.token(self.seeds if seeds else self.purse)])
        if kind == "withdraw":
            return operation("contract_withdraw", amount_ucr=r.randint(1, CREDIT),
                             contract=self.contract("backstop", "grant", "guarantee"))
        if kind == "elect":
            return operation("backstop_elect", contract=self.contract("backstop"),
                             period=r.randint(0, 3), gpus=r.randint(1, 4),
                             tokens=[self.token(self.purse)])
        if kind == "record":
            return operation("royalty_record", contract=self.contract("grant"),
                             amount_ucr=r.randint(1, 50_000), reference="wire")
        if kind == "activate":
            return operation("lease_activate", lease=r.choice(list(self.book.leases) or [1]),
                             access=b"x")
        if kind == "declare":
            return operation("revenue_declare",
                             month_s=month_s(self.client.now_s(), r.randint(1, 3)),
                             streams=[{"name": "sales", "amount_ucr": r.randint(0, 99) * CREDIT}])
        if kind == "pay":
            return operation("royalty_pay", contract=self.contract("grant"),
                             amount_ucr=r.randint(1, 50_000), tokens=[self.token(self.purse)])
        if kind == "order":
            return operation("order_place", **order(w.sku, gpus=1, tokens=[self.token(self.purse)]))
        if kind == "call":
            return operation("guarantee_call", contract=self.contract("guarantee"),
                             amount_ucr=r.randint(1, 2 * CREDIT), reference="rent")
        return self.admin_operation_of(kind)

    def admin_operation_of(self, kind):
        r = self.random
        proposal = r.choice(self.book.proposals[-9:] or [1])
        outputs = [{"account": self.world.funder, "amount_ucr": r.randint(1, 100)}]
        if kind == "suggest":
            return operation("mint_propose", series=self.world.control, outputs=outputs)
        if kind == "mint":  # alone, which the policy does not allow
            return operation("mint", series=self.world.control, outputs=outputs)
        if kind == "release":
            return operation("grant_release", contract=self.contract("grant"), tranche=1)
        if kind == "reject":
            proposal = 1 if r.random() < 0.8 else proposal
            return operation("control_reject", proposal=proposal, reason="too much")
        return operation("control_approve", proposal=proposal)

    def make(self):
        kinds = [self.random.choice(PROFILE[self.profile])
                 for _ in range(self.random.choice((1, 1, 1, 3)))]
        request = self.client.prepare([self.operation_of(kind) for kind in kinds],
                                      valid_until_s=self.client.now_s() + 590)
        return request, ",".join(kinds), [], [], 0

    def now(self, name, **values):
        """One operation that must be accepted, before there is load."""
        request = self.client.prepare([operation(name, **values)])
        reply = self.client.submit(request)
        assert reply.results[0].refusal == "accepted", (name, reply.results[0].refusal)
        self.settle((request, name, [], [], 0), reply)
        return reply.results[0].object

    # --- Answers ---

    def settle(self, made, reply):
        assert reply.refusal == "accepted", f"{made[1]}: {reply.refusal}"
        done = [(request, result) for request, result in zip(made[0].operations, reply.results)
                if result.refusal == "accepted"]
        # Asked for before anything is written down: the server may go away meanwhile.
        events = [self.event(result.index) if request.name in self.EVENTS else None
                  for request, result in done]
        with self.book.lock:
            for (request, result), event in zip(done, events):
                self.note(request, result, event)
        reply = dict(reply)
        reply.pop("seq")
        reply.pop("repeated")
        self.acknowledged.append((made[0], reply))

    # What is noted from its event.
    EVENTS = ("backstop_elect", "contract_accept", "contract_fund", "contract_withdraw",
              "revenue_declare", "royalty_pay", "royalty_record", "guarantee_call",
              "control_approve")

    def note(self, request, result, event):
        book, name, me = self.book, request.name, self.client.account
        if name.endswith("_propose") and name != "mint_propose":
            known = book.contracts[name[:-len("_propose")]]
            if result.object not in known:
                known.append(result.object)
            book.versions[result.object] = book.versions.get(result.object, 0) + 1
        elif name == "contract_accept":
            book.accepted[event.contract] = max(book.accepted.get(event.contract, 0), event.version)
        elif name == "contract_fund":
            book.add("fund", (event.contract, me), sum(s.amount_ucr for s in event.added))
        elif name == "contract_withdraw":
            book.add("fund", (event.contract, me), -sum(s.amount_ucr for s in event.returns))
        elif name == "revenue_declare":
            amount, times = event.streams[0].amount_ucr, book.months.get(
                (me, event.month_s), [0, 0])[1]
            book.months[me, event.month_s] = [amount, times + 1]
        elif name in ("royalty_pay", "royalty_record", "guarantee_call"):
            book.add(name, event.contract, event.amount_ucr)
        elif name == "backstop_elect":
            book.add(name, event.contract, event.cost_ucr)
        elif name == "mint_propose":
            book.proposals.append(result.object)
            book.approvals.add((result.object, me))
        elif name == "control_approve":
            book.approvals.add((event.proposal, me))
        book.leases |= set(range(result.lease_first, result.lease_first + result.lease_count))


def begin(world, book, funder, operator, startups):
    """One contract of each kind in force, a grant for each startup, and royalty due."""
    for kind in ("backstop", "revshare", "guarantee"):
        contract = funder.now(kind + "_propose", **funder.terms(kind))
        operator.now("contract_accept", contract=contract, version=1)
    funder.now("backstop_elect", contract=1, period=0, gpus=1, tokens=[funder.purse.pop()])
    for startup, series in zip(startups, world.seeds):
        contract = funder.now("grant_propose", **{**funder.terms("grant"), "series": series,
                                                  "startup": startup.client.account})
        startup.now("contract_accept", contract=contract, version=1)
        token = funder.client.tokens(series)[0].token
        funder.now("contract_fund", contract=contract, tokens=[token])
        startup.now("revenue_declare", month_s=month_s(startup.client.now_s(), 1),
                    streams=[{"name": "sales", "amount_ucr": 99 * CREDIT}])
    assert sorted(book.accepted) == [1, 2, 3, 4, 5]


def stands(admin, world, book):
    """What was acknowledged is there, and nothing besides: nobody but the partners acts."""
    contracts = {row.contract: row for row in admin.rows("contracts")}
    assert sorted(contracts) == sorted(n for kind in KINDS for n in book.contracts[kind])
    for contract, version in book.accepted.items():
        assert contracts[contract].version == version, (contracts[contract], version)
    for row in contracts.values():
        assert (row.version > 0) == (row.contract in book.accepted), row
    for row in admin.rows("backstops"):
        funds = book.sum("fund", (row.contract, world.funder))
        assert row.funded_ucr == funds - (row.owed_ucr - row.claims_ucr), (row, funds)
        assert row.elected_ucr == book.sum("backstop_elect", row.contract), row
    for row in admin.rows("grants"):
        funds = book.sum("fund", (row.contract, world.funder))
        assert row.funded_ucr == funds - row.advanced_ucr, (row, funds)
        assert row.paid_ucr == book.sum("royalty_pay", row.contract), row
        assert row.recorded_ucr == book.sum("royalty_record", row.contract), row
    for row in admin.rows("guarantees"):
        assert row.called_ucr == book.sum("guarantee_call", row.contract), row
        assert row.operator_funds_ucr == \
            book.sum("fund", (row.contract, world.operator)) - row.by_operator_ucr, row
        assert row.guarantor_funds_ucr == book.sum("fund", (row.contract, world.funder)) - \
            (row.by_guarantor_ucr - row.claims_ucr), row
    declared = {(account, row.month_s): [row.streams[0].amount_ucr, row.version]
                for account in world.startups
                for row in admin.rows("declarations", account=account)}
    assert declared == book.months, (declared, book.months)
    leases = {row.lease for account in (world.funder, *world.startups)
              for row in admin.rows("leases", account=account)}
    assert book.leases == leases, book.leases ^ leases
    proposals = [row for row in admin.rows("proposals", all=True) if row.kind == "mint"]
    assert sorted(book.proposals) == [row.proposal for row in proposals]
    approvals = {(row.proposal, a.account) for row in proposals for a in row.approvals}
    assert approvals == book.approvals, approvals ^ book.approvals
    minted = sum(o.amount_ucr for row in proposals if row.state == "done" for o in row.outputs)
    supply, = (row for row in admin.rows("supply") if row.series == world.control)
    assert supply.minted_ucr == minted, (supply, minted)
