"""The part of the model that is about lease guarantees: calls, escrow, stepping in."""
from books import Grounds
from things import Thing

TAKEN_AT_ONCE = 16


def turn(contract):
    """Which of one operator's guarantees comes first: the one that was signed first."""
    return contract.signed


def takes_more(old, terms):
    """Whether it could take more of the operator's balances, or of what the site earns."""
    return terms.escrow_ucr > old.escrow_ucr or terms.start_s < old.start_s or \
        terms.end_s > old.end_s or \
        bool(terms.step_in and (terms.limit_ucr > old.limit_ucr or not old.step_in))


class Guarantees:
    # --- Terms ------------------------------------------------------------------------------

    def guarantee_propose(self, account, op):
        terms = Thing(**op)

        def checks(grounds, contract):
            self.guarantee_check(grounds, contract, terms)

        parties = (op["guarantor"], op["operator"], op["beneficiary"])
        return self.propose(account, op, "lease_guarantee", parties, checks)

    def guarantee_check(self, grounds, contract, terms):
        roles = [self.accounts[terms.guarantor].role, self.accounts[terms.operator].role]
        grounds.when(roles != ["guarantor", "operator"] or
                     self.accounts[terms.beneficiary].role in ("auditor", "treasurer"),
                     "role_not_allowed")
        parties = {terms.guarantor, terms.operator, terms.beneficiary}
        grounds.when(len(parties) < 3, "malformed")
        site = self.sites.get(terms.site)
        grounds.when(site is None, "site_not_found")
        grounds.when(site is not None and site.operator != terms.operator, "not_owner")
        grounds.when(terms.start_s >= terms.end_s, "interval_invalid")
        grounds.when(terms.end_s <= self.now_s, "interval_in_past")
        if contract is None or not contract.version:
            return
        old = contract.now()
        grounds.when(old.site != terms.site, "contract_parties_fixed")
        if terms.limit_ucr < old.limit_ucr or terms.escrow_ucr < old.escrow_ucr or \
                terms.start_s > old.start_s or terms.end_s < old.end_s:
            grounds.when(True, "contract_third_party")
            return
        grounds.when(takes_more(old, terms) and self.would_yield(contract), "contract_third_party")
        grounds.when((old.start_s <= self.now_s and terms.start_s != old.start_s) or
                     (contract.stepped_in_s and not terms.step_in), "contract_past_fixed")

    def lease_guarantee_accept_check(self, grounds, contract, terms):
        self.guarantee_check(grounds, contract, terms)

    def lease_guarantee_begin(self, contract, before):
        if before is None:
            contract.called = contract.by_operator = contract.by_guarantor = 0
            contract.recovered = contract.stepped_in_s = 0
        if before is None or takes_more(before, contract.now()):
            contract.signed = self.next_place()

    def lease_guarantee_due_s(self, contract):
        return contract.now().end_s

    def lease_guarantee_due(self, contract):
        self.end_contract(contract, "expired")

    def lease_guarantee_kept(self, contract, account):
        """The operator keeps its escrow, or what calls have left of it."""
        left = max(0, contract.now().escrow_ucr - contract.by_operator)
        return left if account == contract.creditor else 0

    # --- Pledge -----------------------------------------------------------------------------

    def escrow_missing(self, contract):
        """Of a guarantee in force: what the operator's part of the fund lacks of what calls have left
        of the escrow."""
        if contract.state != "in_force":
            return 0
        left = self.lease_guarantee_kept(contract, contract.creditor)
        return max(0, left - contract.fund.of(contract.creditor))

    def other_guarantees(self, contract):
        """Of its operator, in force."""
        return [c for c in self.in_force("lease_guarantee")
                if c.creditor == contract.creditor and c is not contract]

    def would_yield(self, contract):
        """Whether its beneficiary would lose if it came behind the others."""
        return self.escrow_missing(contract) > 0 and \
            any(turn(c) > turn(contract) and self.escrow_missing(c)
                for c in self.other_guarantees(contract))

    def earned(self, account):
        """(series, balance), the largest first."""
        found = [(series, self.books.of(account, series, "balance")) for series in self.series]
        return sorted((row for row in found if row[1]), key=lambda row: (-row[1], row[0]))

    def is_pledged(self, account, amount):
        """Whether so much may not leave the balances: guarantees lack what they have."""
        pledged = sum(self.escrow_missing(c) for c in self.in_force("lease_guarantee")
                      if c.creditor == account)
        total = sum(row[1] for row in self.earned(account))
        return amount > 0 and total - amount < pledged

    def drawable(self, contract):
        """What a call takes of the operator's balances at most, (series, amount). They stand in for
        those that were signed before it first, and what does is left in the largest."""
        if contract.state != "in_force":
            return []
        before = sum(self.escrow_missing(c) for c in self.other_guarantees(contract)
                     if turn(c) < turn(contract))
        free = max(0, sum(row[1] for row in self.earned(contract.creditor)) - before)
        left, parts, open_ones = min(free, self.escrow_missing(contract)), [], []
        for number, (series, balance) in enumerate(self.earned(contract.creditor)):
            kept = min(before, balance) if number < TAKEN_AT_ONCE else 0
            before -= kept
            if kept < balance:
                open_ones.append((series, balance - kept))
        for series, balance in open_ones[:TAKEN_AT_ONCE]:
            part = min(left, balance)
            left -= part
            if part:
                parts.append((series, part))
        return parts

    # --- Calls and stepping in --------------------------------------------------------------

    def guarantee_call(self, account, op):
        contract = self.seen_contract(account, op["contract"], "lease_guarantee")
        grounds = Grounds()
        grounds.when(account != contract.third, "contract_not_party")
        runs = contract.state == "in_force" and \
            contract.now().start_s <= self.now_s < contract.now().end_s
        grounds.when(not runs, "contract_not_in_force")
        amount = op["amount_ucr"]
        drawn = self.drawable(contract)
        if contract.version:
            left = contract.now().limit_ucr - contract.by_guarantor
            operator = contract.fund.of(contract.creditor) + sum(part for _, part in drawn)
            grounds.when(amount > operator + left, "guarantee_exhausted")
        grounds.refuse()
        by_operator, first = self.pay_from_fund(contract, contract.creditor, contract.third,
                                                amount)
        for series, part in drawn:
            part = min(part, amount - by_operator)
            if part:
                self.books.move(series, (contract.creditor, "balance"),
                                (contract.third, "balance"), part)
                by_operator += part
                first.append((series, part))
        by_guarantor, then = self.pay_from_fund(contract, contract.debtor, contract.third,
                                                self.payable(contract, amount - by_operator))
        claimed = amount - by_operator - by_guarantor
        site = contract.now().site
        self.flow("guarantee", contract.creditor, contract.third, first, site)
        self.flow("guarantee", contract.debtor, contract.third, then, site)
        contract.called += amount
        contract.by_operator += by_operator
        contract.by_guarantor += by_guarantor + claimed
        assert contract.by_guarantor <= contract.now().limit_ucr
        self.say("guarantee_called", contract=contract.contract, amount_ucr=amount,
                 by_operator_ucr=by_operator, by_guarantor_ucr=by_guarantor, claimed_ucr=claimed,
                 paid=first + then)
        self.make_claim(contract, contract.debtor, contract.third, claimed)
        return {"object": contract.contract}

    def to_recover(self, contract):
        """What it owes in claims is not recovered until it is paid."""
        return contract.by_guarantor - self.owes(contract) - contract.recovered

    def guarantee_step_in(self, account, op):
        contract = self.seen_contract(account, op["contract"], "lease_guarantee")
        grounds = Grounds()
        grounds.when(account != contract.debtor, "contract_not_party")
        grounds.when(not contract.version, "contract_not_in_force")
        if contract.version:
            grounds.when(not contract.now().step_in or contract.stepped_in_s or
                         not self.to_recover(contract), "nothing_to_recover")
        grounds.refuse()
        contract.stepped_in_s = self.now_s
        self.say("guarantee_stepped_in", contract=contract.contract,
                 to_recover_ucr=self.to_recover(contract))
        return {"object": contract.contract}

    def recover(self, earning):
        """All of a settlement at the site, who signed first first."""
        stepped_in = sorted((c for c in self.contracts.values() if c.kind == "lease_guarantee" and
                             c.version and c.stepped_in_s and
                             c.now().site == earning.lease.site), key=turn)
        for contract in stepped_in[:TAKEN_AT_ONCE]:
            amount, paid = self.credit(earning, contract.debtor, self.to_recover(contract),
                                       "recovery")
            if not amount:
                continue
            contract.recovered += amount
            left = self.to_recover(contract)
            if not left:
                contract.stepped_in_s = 0
            self.say("guarantee_recovered", contract=contract.contract,
                     lease=earning.lease.lease, period=earning.period, left_ucr=left, paid=paid)
