"""What stories draw of grants and lease guarantees."""
from grants import DAY_S, month_add
from revshares import month_of

FUNDING_WEIGHTS = dict(grant=3, guarantee=3, fund_grant=4, declare=6, royalty=4, record=1.5,
                       release=1.5, call=2.5, step_in=2, leap=0.12)
STREAMS = ("api", "seats", "one off")


class Funding:
    """A part of the teller."""

    # --- Grants -----------------------------------------------------------------------------

    def grant(self):
        if self.crowded("grant"):
            return None
        terms = self.grant_terms()
        return {"as": self.random.choice((terms["funder"], terms["startup"])), "op": terms}

    def grant_terms(self):
        r = self.random
        series = r.choice([s for s in self.model.series.values() if s.funder != 1] +
                          [self.model.series[1]])
        now_s = self.model.now_s
        start_s, months = r.choice(((now_s, 1), (now_s + 600, 1), (now_s - 10 * DAY_S, 1),
                                    (month_of(now_s) - r.randint(1, 80) * DAY_S, 4)))
        return dict(operation="grant_propose",
                    funder=series.funder if self.chance(0.97) else r.choice((1, 9, 10)),
                    startup=r.choice((5, 6, 7, 8)), series=series.series,
                    share_bp=r.choice((1, 500, 777, 10000)),
                    cap_bp=r.choice((0, 5000, 15000, 30001, 1000000)), start_s=start_s,
                    term_months=months + r.choice((0, 0, 1, 4)), tail_months=r.choice((0, 0, 1, 3)),
                    declare_days=r.choice((1, 10, 30, 90)),
                    tranches=[self.tranche(start_s) for _ in range(r.choice((1, 2, 2, 3, 4)))],
                    carve_outs=[dict(name=n) for n in r.sample(STREAMS, r.choice((0, 1, 1)))])

    def tranche(self, start_s):
        r = self.random
        kind = r.choice(("date", "date", "spent", "admin"))
        tranche = dict(kind=kind, amount_ucr=r.randint(1, 10**r.choice((3, 6, 7, 8))))
        if kind == "date":
            tranche["from_s"] = max(start_s, self.model.now_s +
                                    r.choice((-DAY_S, 1, 3600, 7201, DAY_S)))
        if kind == "spent":
            tranche["spent_ucr"] = r.randint(1, 10**r.choice((5, 6, 7, 8)))
        return tranche

    def amend_grant(self, contract):
        r = self.random
        op = self.old_terms(contract, "grant_propose")
        changes = [dict(share_bp=r.choice((1, 900))), dict(cap_bp=r.choice((0, 10000, 20000))),
                   dict(term_months=op["term_months"] + r.choice((-1, 1))),
                   dict(tail_months=op["tail_months"] + r.choice((0, 1))),
                   dict(declare_days=r.choice((1, 20, 60, 366))),
                   dict(tranches=op["tranches"] + [self.tranche(op["start_s"])]),
                   dict(tranches=op["tranches"][:-1] or [self.tranche(op["start_s"])]),
                   dict(carve_outs=[dict(name=r.choice(STREAMS))]),
                   dict(start_s=op["start_s"] + r.choice((-60, 60))),
                   dict(series=r.randint(1, 5))]
        for change in r.sample(changes, r.choice((1, 1, 2))):
            op.update(change)
        op["term_months"] = max(1, op["term_months"])
        return op

    def fund_grant(self):
        """Its funder with its series, seldom otherwise."""
        r = self.random
        contract = self.pick(self.contracts_in("in_force", kind="grant"))
        if contract is None or self.model.expired(contract.now().series):
            return None
        left = self.model.grant_kept(contract, contract.creditor)
        amount = max(1, r.choice((left, left, left // 2, 10**6)))
        series = contract.now().series if self.chance(0.95) else 1
        return {"as": contract.creditor if self.chance(0.95) else self.party(contract),
                "pay": [[series, amount]],
                "op": dict(operation="contract_fund", contract=self.contract_ref(contract))}

    def grants_begun(self):
        """In force; now and then also those that have ended."""
        ended = self.contracts_in("expired", "completed", kind="grant")
        return self.contracts_in("in_force", kind="grant") + (ended if self.chance(0.3) else [])

    def declare(self):
        """Mostly what a grant waits for."""
        r = self.random
        contract = self.pick(self.grants_begun())
        if contract is None:
            return None
        months = [m for m in self.model.months_of(contract.now())
                  if month_add(m, 1) <= self.model.now_s]
        late = self.model.late_month(contract, self.model.now_s)
        month_s = self.pick(months) if months and self.chance(0.9) else \
            month_of(self.model.now_s - r.choice((0, 20, 40, 400)) * DAY_S) + (self.chance(0.1) and 1)
        if late and self.chance(0.7):
            month_s = late
        streams = [dict(name=name, amount_ucr=r.randint(0, 10**r.choice((3, 5, 7, 9))))
                   for name in r.sample(STREAMS, r.choice((0, 2, 3, 3)))]
        return {"as": self.account_or_other(contract.debtor, 5, 8), "op": dict(
            operation="revenue_declare", month_s=month_s, streams=streams, evidence="00" * 32)}

    def due_amount(self, contract):
        due = self.model.royalty_due(contract)
        return max(1, self.random.choice((due, due, due // 2, due + 1)))

    def royalty(self):
        r = self.random
        grants = self.grants_begun()
        contract = self.pick([c for c in grants if self.model.royalty_due(c)] or grants)
        if contract is None:
            return None
        amount = self.due_amount(contract)
        series = self.payers(contract.debtor, contract.creditor)
        chosen = r.sample(series, r.choice((1, 2)))
        return {"as": self.account_or_other(contract.debtor, 5, 8),
                "pay": [[n, amount // len(chosen) + r.choice((0, 1, 5)) or 1] for n in chosen],
                "op": dict(operation="royalty_pay", contract=self.contract_ref(contract),
                           amount_ucr=amount)}

    def record(self):
        contract = self.pick(self.grants_begun())
        if contract is None:
            return None
        return {"as": self.account_or_other(contract.creditor, 9, 10), "op": dict(
            operation="royalty_record", contract=self.contract_ref(contract), reference="r",
            amount_ucr=self.due_amount(contract))}

    def release(self):
        r = self.random
        contract = self.pick(self.contracts_in("in_force", kind="grant"))
        if contract is None:
            return None
        places = [n for n, t in enumerate(contract.now().tranches) if t["kind"] == "admin"]
        place = r.choice(places) if places and self.chance(0.9) else r.randint(0, 4)
        return {"as": self.admin(), "op": dict(
            operation="grant_release", contract=self.contract_ref(contract), tranche=place)}

    # --- Lease guarantees -------------------------------------------------------------------

    def guarantee(self):
        if self.crowded("lease_guarantee"):
            return None
        r = self.random
        site = r.choice(list(self.model.sites.values()))
        others = self.contracts_in("proposed", "in_force", kind="lease_guarantee")
        if others and self.chance(0.6):  # of one operator, they stand in an order
            first = r.choice(others).terms[1]
            site = self.model.sites[first.site]
        start_s = self.model.now_s + r.choice((-3600, 0, 600))
        terms = dict(operation="guarantee_propose", guarantor=r.choice((9, 10)),
                     operator=self.account_or_other(site.operator, 2, 4),
                     beneficiary=r.choice((5, 6, 7, 8, 10, 1)), site=site.site,
                     limit_ucr=r.choice((10**6, 10**7, 10**9)),
                     escrow_ucr=r.choice((0, 10**6, 10**7)), start_s=start_s,
                     end_s=start_s + r.choice((7200, DAY_S, 10 * DAY_S)) + r.choice((0, 7)),
                     step_in=self.chance(0.8))
        return {"as": r.choice((terms["guarantor"], terms["operator"])), "op": terms}

    def amend_lease_guarantee(self, contract):
        r = self.random
        op = self.old_terms(contract, "guarantee_propose")
        changes = [dict(limit_ucr=r.choice((contract.by_guarantor, contract.by_guarantor - 1,
                                            10**8))),
                   dict(escrow_ucr=r.choice((0, op["escrow_ucr"] + 5 * 10**6))),
                   dict(escrow_ucr=10**9), dict(limit_ucr=op["limit_ucr"] * 2),
                   dict(start_s=op["start_s"] + r.choice((60, -60))),
                   dict(end_s=self.model.now_s + r.choice((0, 600, 20 * DAY_S))),
                   dict(step_in=not op["step_in"]), dict(site=r.randint(1, 5))]
        op.update(r.choice(changes))
        op["limit_ucr"] = max(1, op["limit_ucr"])
        return op

    def call(self):
        r = self.random
        contract = self.pick(self.contracts_in("in_force", kind="lease_guarantee"))
        if contract is None:
            return None
        operator = contract.fund.of(contract.creditor) + \
            sum(part for _, part in self.model.drawable(contract))
        left = operator + contract.now().limit_ucr - contract.by_guarantor
        amount = r.choice((10**5, 10**6, left, left // 2, left + 1, operator, operator + 1))
        return {"as": contract.third if self.chance(0.95) else self.party(contract),
                "op": dict(operation="guarantee_call", contract=self.contract_ref(contract),
                           amount_ucr=max(1, amount), reference="rent")}

    def step_in(self):
        found = [c for c in self.model.contracts.values() if c.kind == "lease_guarantee" and
                 c.version]
        ready = [c for c in found if c.now().step_in and not c.stepped_in_s and
                 self.model.to_recover(c)]
        contract = self.pick(ready if ready and self.chance(0.8) else found)
        if contract is None:
            return None
        return {"as": self.account_or_other(contract.debtor, 9, 10), "op": dict(
            operation="guarantee_step_in", contract=self.contract_ref(contract))}

    # --- Time -------------------------------------------------------------------------------

    def leap(self):
        """Days in which the exchange was down: months end, declarations are late."""
        seconds = self.random.randint(1, 20) * DAY_S + self.random.choice((0, 3601))
        return None if self.pause_ends(seconds) else {"tick": seconds, "late": True}
