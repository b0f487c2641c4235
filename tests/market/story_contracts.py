"""What stories draw of contracts: terms that collide with what sites, offers and leases do."""
from books import MINUTE, cost_of

GUARANTORS = (9, 10)
OPERATORS = (2, 3, 4)
STARTUPS = (5, 6, 7, 8)
STRIKES = (500000, 1000000, 1000001, 2000003)
CONTRACT_WEIGHTS = dict(backstop=5, revshare=2.5, accept=11, decline=0.7, amend=3, put_in=6,
                        take_out=2.5, elect=6, renew_certifications=0.5, pay_claim=4)
# Of each kind that are not over.
KEPT = {"backstop": 6, "revenue_share": 5, "grant": 4, "lease_guarantee": 5}


class Parties:
    """A part of the teller."""

    def contract_ref(self, contract):
        return ("@", "contract", self.made_by[("contract", contract.contract)])

    def contracts_in(self, *states, kind=None):
        return [c for c in self.model.contracts.values()
                if c.state in states and kind in (None, c.kind)]

    def crowded(self, kind):
        live = self.contracts_in("proposed", "in_force", kind=kind)
        return sum(1 for c in live if not self.too_late(c)) >= KEPT[kind]

    def too_late(self, contract):
        """A backstop that was not accepted before its beginning."""
        return contract.kind == "backstop" and contract.state == "proposed" and \
            contract.start_s < self.model.now_s

    def party(self, contract):
        """One of those who may act, seldom somebody else."""
        if self.chance(0.03):
            return self.random.randint(2, 10)
        return self.random.choice((contract.debtor, contract.creditor))

    # --- Terms ------------------------------------------------------------------------------

    def backstop(self):
        if self.crowded("backstop"):
            return None
        terms = self.backstop_terms()
        return {"as": self.random.choice((terms["guarantor"], terms["operator"])), "op": terms}

    def backstop_terms(self):
        r = self.random
        offers = [o for o in self.model.open_offers() if not o.lease]
        offer = self.pick(offers) if self.chance(0.85) else None
        site = self.model.sites[offer.site if offer else r.choice(list(self.model.sites))]
        start = self.model.now_min() + r.choice((1, 30, 60, 120))
        period = r.choice((15, 30, 60, 60, 120, 7))
        gpus = r.randint(1, 60)
        lots = [dict(gpus=r.randint(1, 40), from_s=(start + r.choice((0, 0, -60, 20, 90))) * MINUTE)
                for _ in range(r.choice((1, 1, 2, 3)))]
        op = dict(operation="backstop_propose", guarantor=r.choice(GUARANTORS),
                  operator=self.account_or_other(site.operator, 2, 4), site=site.site,
                  sku=offer.sku if offer else r.randint(1, 3), gpus=gpus,
                  strike_ucr=r.choice(STRIKES), period_min=period, start_s=start * MINUTE,
                  end_s=(start + period * r.randint(1, 12) - r.choice((0, 0, 0, 1, 5))) * MINUTE,
                  pool_ucr=r.choice((10**12, 10**9, 5 * 10**7, 3 * 10**7 + 1)), lots=lots,
                  price_max_ucr=r.choice((1500000, 2000000, 3000000, 4000000)),
                  ahead_min=r.choice((0, 0, 0, 15, 30, 120)))
        if self.chance(0.25):
            op["certifications"] = [dict(name=r.choice(("iso", "iso", "soc")))]
        if self.chance(0.04):
            op["end_s"] -= r.choice((1, 10**5))
        if self.chance(0.08):  # more claims than are paid at once
            op.update(gpus=2, lots=[dict(gpus=2, from_s=op["start_s"])], strike_ucr=500000,
                      price_max_ucr=4000000, ahead_min=0, certifications=[], period_min=1,
                      pool_ucr=10**12, end_s=op["start_s"] + r.randint(70, 200) * MINUTE)
        return op

    def revshare(self):
        if self.crowded("revenue_share"):
            return None
        terms = self.revshare_terms(self.random.choice(OPERATORS))
        return {"as": self.random.choice((terms["beneficiary"], terms["operator"])), "op": terms}

    def revshare_terms(self, operator):
        r = self.random
        sites = [s.site for s in self.model.sites.values() if s.operator == operator]
        count = r.choice((1, 2, 3, 4))
        rates = sorted(r.sample((9000, 5000, 3333, 2500, 1200, 700, 1, 0), count), reverse=True)
        cash = sorted(r.randint(1, 10**r.choice((5, 6, 7, 8))) for _ in range(count))
        phases = [dict(rate_bp=rate, utilisation_ppm=r.choice((0, 0, 0, 1, 100000, 400000)),
                       milestone_ucr=milestone) for rate, milestone in zip(rates, cash)]
        if phases[0]["utilisation_ppm"] and self.chance(0.4):
            phases[0]["milestone_ucr"] = 0
        phases[-1].update(utilisation_ppm=0, milestone_ucr=0)
        base = r.choice(("gross", "gross", "above_floor"))
        op = dict(operation="revshare_propose", beneficiary=r.choice(GUARANTORS + STARTUPS),
                  operator=operator, site=r.choice([0] + sites), base=base,
                  floor_ucr=r.choice((0, 10**6, 10**8)) if base == "above_floor" else 0,
                  rank=r.choice((1, 1, 2, 100)), window_days=r.choice((1, 1, 1, 2)),
                  start_s=self.model.now_s + r.choice((-86400, 0, 0, 3600)),
                  latching=self.chance(0.6), milestone=r.choice(("revenue", "share")),
                  phases=phases)
        if self.chance(0.04):
            op["phases"][0]["rate_bp"] = 0
        return op

    def amend(self):
        r = self.random
        kind = r.choice(list(KEPT))
        contract = self.pick(self.contracts_in("in_force", kind=kind))
        if contract is None:
            return None
        op = getattr(self, f"amend_{kind}")(contract)
        op["contract"] = self.contract_ref(contract)
        return {"as": self.party(contract), "op": op}

    def old_terms(self, contract, operation):
        return dict(contract.now().__dict__, operation=operation)

    def amend_backstop(self, contract):
        r = self.random
        op = self.old_terms(contract, "backstop_propose")
        now = self.model.now_min() * MINUTE
        changes = [dict(gpus=r.randint(1, 60)), dict(strike_ucr=r.choice(STRIKES)),
                   dict(pool_ucr=r.choice((10**9, contract.owed + contract.elected,
                                           contract.owed + contract.elected - 1))),
                   dict(end_s=op["end_s"] + r.choice((-3600, -900, 900, 7200))),
                   dict(end_s=now + r.choice((0, 300, 1800, 3600))),
                   dict(price_max_ucr=r.choice((1000000, 2000000, 4000000))),
                   dict(ahead_min=r.choice((0, 10, 60))),
                   dict(lots=op["lots"] + [dict(gpus=5, from_s=now + 600)]),
                   dict(start_s=op["start_s"] + 60), dict(site=r.randint(1, 5)),
                   dict(certifications=[dict(name="iso")])]
        for change in r.sample(changes, r.choice((1, 1, 2))):
            op.update(change)
        op["pool_ucr"] = max(1, op["pool_ucr"])
        return op

    def amend_revenue_share(self, contract):
        r = self.random
        op = self.old_terms(contract, "revshare_propose")
        other = self.revshare_terms(op["operator"])
        for field in r.sample(("base", "rank", "window_days", "latching", "milestone", "phases",
                               "phases", "start_s"), r.choice((1, 1, 2))):
            op[field] = other[field]
        if op["phases"] is other["phases"] and self.chance(0.8):
            kept = op["phases"] = [dict(p) for p in contract.now().phases]
            for phase in kept[contract.phase:-1]:
                phase["milestone_ucr"] = r.randint(1, 10**8)
                phase["utilisation_ppm"] = r.choice((0, phase["utilisation_ppm"], 200000))
            if self.chance(0.5):
                # The present rate, mostly between its neighbours, so that it may change.
                at = contract.phase
                most = kept[at - 1]["rate_bp"] - self.chance(0.9) if at else 9500
                least = kept[at + 1]["rate_bp"] + 1 if at + 1 < len(kept) else 0
                kept[at]["rate_bp"] = r.randint(min(least, most), most)
        if op["base"] == "gross":
            op["floor_ucr"] = 0
        return op

    # --- What parties do --------------------------------------------------------------------

    def accept(self):
        pending = [c for c in self.model.contracts.values() if c.pending]
        in_time = [c for c in pending if not self.too_late(c)]
        contract = self.pick(pending if self.chance(0.05) else in_time)
        if contract is None:
            return None
        other = contract.creditor if contract.proposer == contract.debtor else contract.debtor
        account = other if self.chance(0.93) else self.party(contract)
        version = contract.pending + (self.chance(0.03) and 1)
        return {"as": account, "op": dict(operation="contract_accept", version=version,
                                          contract=self.contract_ref(contract))}

    def decline(self):
        contract = self.pick(c for c in self.model.contracts.values() if c.pending)
        if contract is None:
            return None
        return {"as": self.party(contract), "op": dict(
            operation="contract_decline", version=contract.pending,
            contract=self.contract_ref(contract))}

    def payers(self, *parties):
        """Series that have not expired, mostly such as may pay under a contract of these."""
        allowed = self.chance(0.9)
        return [n for n, s in self.model.series.items() if not self.model.expired(n) and
                (not allowed or s.transferable or s.funder in parties)]

    def put_in(self):
        """Often for those who owe."""
        r = self.random
        live = self.contracts_in("in_force")
        owing = [c for c in self.model.contracts.values() if c.open_claims()]
        contract = self.pick(owing if owing and self.chance(0.4) else live)
        if contract is None:
            return None
        others = contract.kind == "lease_guarantee" and self.chance(0.6)
        account = contract.debtor if self.chance(0.8) else self.party(contract)
        account = contract.creditor if others else account
        series = self.payers(account)
        pay = [[number, r.choice((10**6, 10**7, 10**8)) + r.randint(0, 99)]
               for number in r.sample(series, r.choice((1, 1, 2)))]
        return {"as": account, "pay": pay, "op": dict(
            operation="contract_fund", contract=self.contract_ref(contract))}

    def take_out(self):
        contract = self.pick(c for c in self.model.contracts.values() if c.fund.rows)
        if contract is None:
            return None
        owner = self.random.choice(contract.fund.rows)[0]
        funds = contract.fund.of(owner)
        amount = self.random.choice((funds, funds + 1, max(1, funds // 3), 1))
        return {"as": self.account_or_other(owner, 2, 10), "op": dict(
            operation="contract_withdraw", contract=self.contract_ref(contract),
            amount_ucr=amount)}

    def pay_claim(self):
        """Mostly who owes something and has earned something."""
        r = self.random
        owing = [(c, claim.debtor) for c in self.model.contracts.values()
                 for claim in c.open_claims()]
        able = [(c, debtor) for c, debtor in owing if self.model.earned(debtor)]
        anybody = [(c, c.debtor) for c in self.model.contracts.values()]
        pledged = [row for row in able if self.model.is_pledged(row[1], 1)]
        found = self.pick(anybody if self.chance(0.03) else owing if self.chance(0.05) else
                          pledged if pledged and self.chance(0.5) else able)
        if found is None:
            return None
        contract, debtor = found
        series, balance = self.pick(self.model.earned(debtor)) or (r.randint(1, 8), 1)
        claimed = sum(claim.left for claim in contract.open_claims(debtor))
        oldest = next((claim.left for claim in contract.open_claims(debtor)), 1)
        amount = r.choice((balance, balance, balance // 2, min(balance, claimed),
                           min(balance, oldest), min(balance, claimed + 1), balance + 1))
        return {"as": debtor if self.chance(0.95) else r.randint(1, 14), "op": dict(
            operation="claim_pay", contract=self.contract_ref(contract),
            series=series + (self.chance(0.02) and 99), amount_ucr=max(1, amount))}

    def elect(self):
        r = self.random
        contract = self.pick(self.contracts_in("in_force", kind="backstop"))
        if contract is None:
            return None
        terms = contract.now()
        begun = max((self.model.now_s - terms.start_s) // (terms.period_min * MINUTE), -1)
        gpus = r.choice((1, 2, 5, 40))
        most = cost_of(gpus * terms.period_min, terms.strike_ucr)
        series = [n for n in self.model.series if not self.model.expired(n)]
        return {"as": contract.debtor if self.chance(0.95) else self.party(contract),
                "pay": [[number, most + r.randint(1, 99)]
                        for number in r.sample(series, r.choice((1, 1, 2)))],
                "op": dict(operation="backstop_elect", contract=self.contract_ref(contract),
                           period=max(begun + r.choice((1, 1, 1, 2, 0)), 0), gpus=gpus)}

    def renew_certifications(self):
        site = self.random.choice(list(self.model.sites.values()))
        return {"as": site.operator, "op": dict(
            operation="site_change", site=site.site, power_kw=site.power_kw,
            carbon_g_per_kwh=site.carbon, certifications=[
                {"name": "iso", "issuer": "i", "expires_s": self.model.now_s + 10**6}])}
