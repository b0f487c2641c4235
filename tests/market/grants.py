"""The part of the model that is about grants: tranches, declarations of revenue, royalty."""
from books import Grounds, refuse

from revshares import month_of
from things import Thing

DAY_S = 86400


def month_add(month_s, months):
    """The first second of a month so many later."""
    for _ in range(months):
        month_s = month_of(month_s + 32 * DAY_S)
    return month_s


class Grants:
    # --- Months -----------------------------------------------------------------------------

    def months_of(self, terms, tail=True):
        first = month_of(terms.start_s)
        count = terms.term_months + (terms.tail_months if tail else 0)
        return [month_add(first, n) for n in range(count)]

    def term_end_s(self, terms):
        return month_add(month_of(terms.start_s), terms.term_months)

    def grant_end_s(self, terms):
        return month_add(month_of(terms.start_s), terms.term_months + terms.tail_months)

    def declared_until_s(self, terms):
        return self.grant_end_s(terms) + terms.declare_days * DAY_S

    def late_month(self, contract, at_s):
        """The first month that should have been declared by then."""
        terms = contract.now()
        for month_s in self.months_of(terms):
            late = month_add(month_s, 1) + terms.declare_days * DAY_S <= at_s
            if late and (contract.debtor, month_s) not in self.declared:
                return month_s
        return 0

    # --- Terms ------------------------------------------------------------------------------

    def grant_propose(self, account, op):
        terms = Thing(**dict(dict(carve_outs=[]), **op))

        def checks(grounds, contract):
            self.grant_check(grounds, contract, terms)
            if contract is not None:
                self.grant_past_check(grounds, contract, terms)

        return self.propose(account, op, "grant", (op["startup"], op["funder"], 0), checks)

    def grant_check(self, grounds, contract, terms):
        grounds.when(self.accounts[terms.funder].role not in ("guarantor", "admin") or
                     self.accounts[terms.startup].role != "startup", "role_not_allowed")
        series = self.series.get(terms.series)
        grounds.when(series is None, "series_not_found")
        grounds.when(series is not None and series.funder != terms.funder, "not_owner")
        grounds.when(series is not None and self.expired(series.series), "series_expired")
        begins = contract is None or not contract.version
        grounds.when(begins and self.term_end_s(terms) <= self.now_s, "terms_invalid")
        grounds.when(any(t["kind"] == "date" and
                         not terms.start_s <= t["from_s"] < self.term_end_s(terms)
                         for t in terms.tranches), "terms_invalid")
        grounds.when(any(other is not contract and other.kind == "grant" and other.version and
                         other.now().series == terms.series
                         for other in self.contracts.values()), "contract_overlaps")

    def grant_past_check(self, grounds, contract, terms):
        if not contract.version:
            return
        old = contract.now()
        grounds.when(old.series != terms.series, "contract_parties_fixed")
        kept = all(place < len(terms.tranches) and terms.tranches[place] == old.tranches[place]
                   for place in contract.tranches_paid | contract.released)
        begun = old.start_s <= self.now_s
        moved = terms.start_s != old.start_s and (begun or terms.start_s < self.now_s)
        both = (old, terms)
        over = [[m for m in self.months_of(t) if month_add(m, 1) <= self.now_s] for t in both]
        ended = any(self.now_s >= self.grant_end_s(t) for t in both)
        grounds.when(not kept or moved or over[0] != over[1] or ended, "contract_past_fixed")

    def grant_accept_check(self, grounds, contract, terms):
        self.grant_check(grounds, contract, terms)
        self.grant_past_check(grounds, contract, terms)

    def grant_begin(self, contract, before):
        if before is None:
            contract.tranches_paid, contract.released = set(), set()
            contract.advanced = contract.spent = contract.paid = contract.recorded = 0
            contract.held = []  # (accepted, terms)
            contract.looked_s = self.now_s
        was = self.royalty_due(contract) if before is not None else 0
        contract.held.append((self.now_s, contract.now()))
        self.note_due(contract, was, 0)
        self.grant_run(contract, self.now_s)

    # --- Royalty ----------------------------------------------------------------------------

    def terms_at(self, contract, time_s):
        found = contract.held[0][1]
        for accepted_s, terms in contract.held:
            if accepted_s <= time_s:
                found = terms
        return found

    def royalty_cap(self, contract):
        return contract.advanced * contract.held[-1][1].cap_bp // 10000

    def left_out(self, terms):
        return [c["name"] for c in terms.carve_outs]

    def still_counts(self, contract):
        """Whether what is declared counts: also after the grant has expired, below its cap."""
        below = contract.paid + contract.recorded < self.royalty_cap(contract)
        return contract.state == "in_force" or (contract.state == "expired" and below)

    def royalty(self, contract):
        """What is due in all, paid or not; of a grant that does not count any more, as it was."""
        if not self.still_counts(contract):
            return contract.royalty_last
        total = 0
        for (account, month_s), row in self.declared.items():
            if account != contract.debtor:
                continue
            terms = self.terms_at(contract, month_add(month_s, 1))
            if month_s in self.months_of(terms):
                total += terms.share_bp * sum(s["amount_ucr"] for s in row.streams
                                              if s["name"] not in self.left_out(terms))
        return min(self.royalty_cap(contract), total // 10000)

    def royalty_due(self, contract):
        return max(0, self.royalty(contract) - contract.paid - contract.recorded)

    def note_due(self, contract, was, month_s):
        due = self.royalty_due(contract)
        if due != was:
            self.say("royalty_due", contract=contract.contract, month_s=month_s, due_ucr=due,
                     royalty_ucr=self.royalty(contract),
                     paid_ucr=contract.paid + contract.recorded)

    # --- Tranches and the end ---------------------------------------------------------------

    def tranche_is_due(self, contract, place, at_s):
        terms = contract.now()
        tranche = terms.tranches[place]
        if place in contract.tranches_paid or \
                not terms.start_s <= at_s < self.term_end_s(terms):
            return False
        return {"date": tranche.get("from_s", 0) <= at_s,
                "spent": contract.spent >= tranche.get("spent_ucr", 0),
                "admin": place in contract.released}[tranche["kind"]]

    def tranches_due(self, contract, at_s):
        return [place for place in range(len(contract.now().tranches))
                if self.tranche_is_due(contract, place, at_s)]

    def grant_run(self, contract, at_s):
        """What can be paid is paid; then the grant may be over."""
        was = self.royalty_due(contract)
        for place in self.tranches_due(contract, at_s):
            amount = contract.now().tranches[place]["amount_ucr"]
            series = contract.now().series
            if self.late_month(contract, at_s) or self.expired(series) or \
                    amount > contract.fund.of(contract.creditor):
                break
            contract.fund.take(contract.creditor, amount)
            self.books.move(series, (contract.creditor, "escrow"), (contract.debtor, "tokens"),
                            amount)
            self.flow("grant", contract.creditor, contract.debtor, [(series, amount)])
            contract.tranches_paid.add(place)
            contract.advanced += amount
            self.say("tranche_paid", contract=contract.contract, tranche=place, amount_ucr=amount)
        self.note_due(contract, was, 0)
        self.grant_end(contract, at_s)

    def grant_end(self, contract, at_s):
        terms = contract.now()
        contract.royalty_last = self.royalty(contract)
        if contract.state != "in_force":
            return
        paid = contract.paid + contract.recorded
        left = len(contract.tranches_paid) < len(terms.tranches)
        if (not left or at_s >= self.term_end_s(terms)) and paid >= self.royalty_cap(contract):
            self.end_contract(contract, "completed" if contract.advanced else "expired")
        elif at_s >= self.declared_until_s(terms) and not self.late_month(contract, at_s) and \
                self.royalty_due(contract) == 0:
            self.end_contract(contract, "expired")

    def grant_due_s(self, contract):
        """The next time at which something may happen by itself."""
        terms = contract.now()
        times = [terms.start_s, self.term_end_s(terms), self.declared_until_s(terms)]
        times += [t["from_s"] for t in terms.tranches if t["kind"] == "date"]
        return min([time_s for time_s in times if time_s > contract.looked_s], default=0)

    def grant_due(self, contract):
        contract.looked_s = self.grant_due_s(contract)
        self.grant_run(contract, contract.looked_s)

    # --- The fund ---------------------------------------------------------------------------

    def grant_funded(self, contract):
        self.grant_run(contract, self.now_s)

    def grant_kept(self, contract, account):
        terms = contract.now()
        if account != contract.creditor or self.expired(terms.series) or \
                self.now_s >= self.term_end_s(terms):
            return 0
        return sum(t["amount_ucr"] for place, t in enumerate(terms.tranches)
                   if place not in contract.tranches_paid)

    def grant_spent(self, startup, series, amount):
        for contract in self.in_force("grant"):
            if contract.debtor == startup and contract.now().series == series:
                before = self.tranches_due(contract, self.now_s)
                contract.spent += amount
                if self.tranches_due(contract, self.now_s) != before:
                    self.grant_run(contract, self.now_s)

    # --- Operations -------------------------------------------------------------------------

    def revenue_declare(self, account, op):
        month_s = op["month_s"]
        refuse(month_s != month_of(month_s) or month_add(month_s, 1) > self.now_s,
               "month_invalid")
        grants = [c for c in self.contracts.values() if c.kind == "grant" and c.version and
                  c.debtor == account and self.still_counts(c)]
        was = {c.contract: self.royalty_due(c) for c in grants}
        old = self.declared.get((account, month_s))
        row = Thing(account=account, month_s=month_s, streams=op["streams"],
                    version=old.version + 1 if old else 1, declared_s=self.now_s)
        self.declared[(account, month_s)] = row
        self.say("revenue_declared", month_s=month_s, version=row.version)
        for contract in grants:
            self.note_due(contract, was[contract.contract], month_s)
            self.grant_run(contract, self.now_s)

    def royalty_check(self, account, op, party):
        grounds = Grounds()
        contract = grounds.of(lambda: self.seen_contract(account, op["contract"], "grant"))
        if contract is not None:
            grounds.when(account != getattr(contract, party), "contract_not_party")
            goes_on = contract.version and \
                (contract.state == "in_force" or self.royalty_due(contract) > 0)
            grounds.when(not goes_on, "contract_not_in_force")
            due = self.royalty_due(contract) if goes_on else op["amount_ucr"]
            grounds.when(op["amount_ucr"] > due, "royalty_not_due")
        return grounds, contract

    def royalty_pay(self, account, op):
        grounds, contract = self.royalty_check(account, op, "debtor")
        funds = grounds.of(lambda: self.take_tokens(account, op))
        amount = op["amount_ucr"]
        grounds.when(funds is not None and amount > funds.total(), "insufficient_funds")
        if contract is not None and funds is not None:
            for row in funds.rows:
                self.may_pay(grounds, row[1], account, contract.creditor)
        grounds.refuse()
        self.spend_tokens(op)
        for _, series, part in funds.take(amount):
            self.books.move(series, (account, "escrow"), (contract.creditor, "balance"), part)
            self.flow("royalty", account, contract.creditor, [(series, part)])
        self.return_escrow(funds, funds.total())
        contract.paid += amount
        self.say("royalty_paid", contract=contract.contract, amount_ucr=amount,
                 due_ucr=self.royalty_due(contract))
        self.grant_end(contract, self.now_s)

    def royalty_record(self, account, op):
        grounds, contract = self.royalty_check(account, op, "creditor")
        grounds.refuse()
        contract.recorded += op["amount_ucr"]
        self.say("royalty_recorded", contract=contract.contract, amount_ucr=op["amount_ucr"],
                 due_ucr=self.royalty_due(contract))
        self.grant_end(contract, self.now_s)

    def grant_release(self, account, op):
        contract = self.contracts.get(op["contract"])
        refuse(contract is None or contract.kind != "grant", "contract_not_found")
        refuse(contract.state != "in_force" or
               self.now_s >= self.term_end_s(contract.now()), "contract_not_in_force")
        place, tranches = op["tranche"], contract.now().tranches
        refuse(place >= len(tranches), "tranche_not_found")
        refuse(place in contract.tranches_paid | contract.released, "tranche_paid")
        refuse(tranches[place]["kind"] != "admin", "tranche_not_found")
        contract.released.add(place)
        self.say("tranche_released", contract=contract.contract, tranche=place)
        self.grant_run(contract, self.now_s)
