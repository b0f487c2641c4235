"""The part of the model that is about revenue shares, and what follows when an operator earns."""
import calendar
import time

from books import split
from contracts import CLAIMS_AT_ONCE
from things import Thing

DAY_S = 86400


def month_of(time_s):
    """The first second of the calendar month (UTC)."""
    year, month = time.gmtime(time_s)[:2]
    return calendar.timegm((year, month, 1, 0, 0, 0))


def first_that(most, holds):
    """The least number of micro-credits up to `most` at which it holds, and from which on it does;
    None: at none."""
    if not holds(most):
        return None
    low, high = 0, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def turn(contract):
    """Which share is deducted first."""
    return contract.now().rank, contract.contract


class Earning:
    """What of a settlement is still the operator's: [series, amount]."""

    def __init__(self, lease, period, paid):
        self.lease, self.period = lease, period
        self.claims_left = self.funded_left = CLAIMS_AT_ONCE
        by_series = {}
        for _, series, amount in paid:
            by_series[series] = by_series.get(series, 0) + amount
        self.rows = [[series, amount] for series, amount in by_series.items()]
        self.gross = self.left()

    def left(self):
        return sum(row[1] for row in self.rows)

    def take(self, amount):
        amount = min(amount, self.left())
        taken = []
        for row, part in zip(self.rows, split(amount, [row[1] for row in self.rows])):
            row[1] -= part
            if part:
                taken.append((row[0], part))
        return amount, taken


class Revshares:
    # --- Terms ------------------------------------------------------------------------------

    def revshare_propose(self, account, op):
        def checks(grounds, contract):
            self.revshare_check(grounds, Thing(**op))
            if contract is not None:
                self.revshare_past_check(grounds, contract, Thing(**op))
            self.revshare_equals_check(grounds, contract, Thing(**op))

        return self.propose(account, op, "revenue_share", (op["operator"], op["beneficiary"], 0),
                            checks)

    def revshare_check(self, grounds, terms):
        grounds.when(self.accounts[terms.operator].role != "operator", "role_not_allowed")
        site = self.sites.get(terms.site)
        grounds.when(terms.site and site is None, "site_not_found")
        grounds.when(site is not None and site.operator != terms.operator, "not_owner")
        phases = terms.phases
        rates = [phase["rate_bp"] for phase in phases]
        last = phases[-1]
        grounds.when(any(a <= b for a, b in zip(rates, rates[1:])) or
                     any(not p["utilisation_ppm"] and not p["milestone_ucr"]
                         for p in phases[:-1]) or
                     last["utilisation_ppm"] or last["milestone_ucr"] or
                     (terms.base == "gross" and terms.floor_ucr), "terms_invalid")
        cash = [p["milestone_ucr"] for p in phases[:-1]]
        grounds.when(cash != sorted(cash), "terms_invalid")

    def revshare_past_check(self, grounds, contract, terms):
        if not contract.version:
            return
        old = contract.now()
        grounds.when(old.site != terms.site, "contract_parties_fixed")
        begun = contract.start_s <= self.now_s
        grounds.when(begun and terms.start_s != old.start_s, "contract_past_fixed")
        passed = contract.phase
        grounds.when(len(terms.phases) <= passed or old.phases[:passed] != terms.phases[:passed],
                     "contract_past_fixed")

    def revshare_equals_check(self, grounds, contract, terms):
        """Among equals nobody is passed, and who comes first takes no more than it did."""
        number = contract.contract if contract else float("inf")
        if contract and contract.version:
            old, first = contract.now(), contract.phase
            if old.rank < terms.rank:
                return
            if old.rank == terms.rank and not self.takes_more(old, terms, first):
                return
        for other in self.contracts.values():
            if other.kind != "revenue_share" or other.state != "in_force" or \
                    other.contract <= number:
                continue
            theirs = other.now()
            grounds.when(theirs.operator == terms.operator and theirs.rank == terms.rank and
                         theirs.beneficiary != terms.beneficiary and
                         (0 in (theirs.site, terms.site) or theirs.site == terms.site),
                         "contract_third_party")

    @staticmethod
    def takes_more(old, new, first):
        floors = [t.floor_ucr if t.base == "above_floor" else 0 for t in (old, new)]
        steps = list(zip(old.phases[:-1], new.phases[:-1]))[first:]
        rates = [phase["rate_bp"] for phase in old.phases]
        rates += rates[-1:] * len(new.phases)
        return floors[1] < floors[0] or new.start_s < old.start_s or \
            new.window_days != old.window_days or new.milestone != old.milestone or \
            (old.latching and not new.latching) or len(new.phases) < len(old.phases) or \
            any(new.phases[i]["rate_bp"] > rates[i] for i in range(first, len(new.phases))) or \
            any(b[word] > a[word] for a, b in steps
                for word in ("milestone_ucr", "utilisation_ppm"))

    def revenue_share_accept_check(self, grounds, contract, terms):
        self.revshare_check(grounds, terms)
        self.revshare_past_check(grounds, contract, terms)
        self.revshare_equals_check(grounds, contract, terms)

    def revenue_share_begin(self, contract, before):
        terms = contract.now()
        if before is None:
            contract.phase = contract.gross = contract.month_gross = contract.month_s = 0
            contract.sum = contract.paid = contract.utilisation = contract.highest = 0
            contract.from_s = max(terms.start_s, self.now_s)
            contract.shares = []
            contract.looked_s = 0
            contract.look_s = self.next_look_s()
        else:
            if contract.from_s > self.now_s:
                contract.from_s = max(terms.start_s, self.now_s)
            if terms.window_days != before.window_days:
                contract.utilisation = contract.highest = contract.looked_s = 0
            # Nothing was looked at in what was the last phase.
            contract.look_s = max(contract.look_s, self.next_look_s())
        contract.start_s = contract.from_s
        self.take_steps(contract)

    # --- Steps ------------------------------------------------------------------------------

    def next_look_s(self):
        """A minute after each midnight."""
        return ((self.now_s - 60) // DAY_S + 1) * DAY_S + 60

    def measured_from_s(self, contract):
        """The first midnight at which a whole window will lie behind the start."""
        if self.is_last(contract) or contract.looked_s:
            return 0
        first_day = -(-contract.from_s // DAY_S)
        full_day = first_day + contract.now().window_days
        return max(full_day, (contract.look_s - 60) // DAY_S) * DAY_S

    def share_due(self, contract):
        return contract.sum // 10000

    def utilisation_counts(self, contract):
        wanted = contract.now().phases[contract.phase]["utilisation_ppm"]
        measured = contract.highest if contract.now().latching else contract.utilisation
        return measured >= wanted

    def is_last(self, contract):
        return contract.phase == len(contract.now().phases) - 1

    def cash_counts(self, contract, gross, total):
        """With so much settled, and so much due in 1/10 000."""
        terms = contract.now()
        cash = gross if terms.milestone == "revenue" else total // 10000
        return cash >= terms.phases[contract.phase]["milestone_ucr"]

    def take_steps(self, contract):
        while not self.is_last(contract) and self.utilisation_counts(contract) and \
                self.cash_counts(contract, contract.gross, contract.sum):
            self.take_step(contract)

    def take_step(self, contract):
        contract.phase += 1
        self.say("phase_reached", contract=contract.contract, phase=contract.phase,
                 rate_bp=contract.now().phases[contract.phase]["rate_bp"],
                 utilisation_ppm=contract.utilisation, gross_ucr=contract.gross,
                 share_ucr=self.share_due(contract))

    def revenue_share_due_s(self, contract):
        return contract.look_s if not self.is_last(contract) else 0

    def revenue_share_due(self, contract):
        terms = contract.now()
        end_day = (contract.look_s - 60) // DAY_S
        first_day = end_day - terms.window_days
        contract.look_s += DAY_S
        if first_day * DAY_S < contract.from_s:
            return
        contract.looked_s = end_day * DAY_S
        contract.utilisation = self.utilisation(terms.operator, terms.site, first_day, end_day)
        contract.highest = max(contract.highest, contract.utilisation)
        self.take_steps(contract)

    # --- What a settlement gives --------------------------------------------------------------

    def paid_by(self, lease, paid):
        """Who paid what of a lease: whose each row of its escrow is, the holder or a seller."""
        return paid

    def follow_earning(self, lease, period, paid, delivered):
        """What each owner of the escrow paid, what grants count as spent of that, then what
        guarantors that have stepped in take, then the shares by rank. Elected leases are apart from
        all but the first."""
        if not paid:
            return
        earning = Earning(lease, period, paid)
        paid = self.paid_by(lease, paid)
        self.flow_of_settlement(lease, paid, delivered)
        if lease.elected:
            return
        for owner, series, amount in paid:
            self.grant_spent(owner, series, amount)
        self.recover(earning)
        shares = [c for c in self.in_force("revenue_share") if c.debtor == lease.operator and
                  c.now().site in (0, lease.site) and c.from_s <= self.now_s]
        for contract in sorted(shares, key=turn):
            self.deduct_share(contract, earning)

    def credit(self, earning, payee, amount, kind):
        """From what is left of a settlement to the payee's balance."""
        amount, taken = earning.take(amount)
        for series, part in taken:
            self.books.move(series, (earning.lease.operator, "balance"), (payee, "balance"), part)
        self.flow_of_lease(kind, earning.lease, earning.lease.operator, payee, taken)
        return amount, taken

    def counted(self, contract, gross):
        """What counts of a settlement."""
        terms = contract.now()
        month_s = month_of(self.now_s)
        if contract.month_s != month_s:
            contract.month_s, contract.month_gross = month_s, 0
        before = contract.month_gross
        contract.month_gross += gross
        if terms.base == "gross":
            return gross
        return max(0, before + gross - terms.floor_ucr) - max(0, before - terms.floor_ucr)

    def deduct_share(self, contract, earning):
        for claim in contract.open_claims()[:earning.claims_left]:
            amount, paid = self.credit(earning, contract.creditor, claim.left, "share")
            if not amount:
                break
            self.lower_claim(contract, claim, amount, paid)
            earning.claims_left -= 1
        due_before = self.share_due(contract)
        base = self.counted(contract, earning.gross)
        said = len(self.said)
        first, last = self.run_along(contract, earning.gross, base)
        steps, self.said[said:] = self.said[said:], []
        due = self.share_due(contract) - due_before
        amount, paid = self.credit(earning, contract.creditor, due, "share")
        contract.paid += amount
        share = dict(contract=contract.contract, share=len(contract.shares) + 1,
                     lease=earning.lease.lease, period=earning.period, gross_ucr=earning.gross,
                     base_ucr=base, phase_first=first, phase_last=last, share_ucr=due,
                     paid_ucr=amount)
        contract.shares.append(share)
        self.say("share_paid", paid=paid, contract=contract.contract, lease=earning.lease.lease,
                 period=earning.period, gross_ucr=earning.gross, base_ucr=base, share_ucr=due,
                 paid_ucr=amount)
        self.said += steps
        claims = self.claims_made
        self.make_claim(contract, contract.debtor, contract.creditor, due - amount)
        if due > amount:
            earning.funded_left -= self.pay_claims(
                contract, earning.lease if self.claims_made > claims else None, earning.funded_left)

    def revenue_share_claim_paid(self, contract, amount):
        contract.paid += amount

    def run_along(self, contract, gross, base):
        """Along the micro-credits of a settlement, those below the floor first; the phases of the
        first and the last of them."""
        below, at = gross - base, 0
        first = last = contract.phase
        start_gross = contract.gross
        while True:
            rate = contract.now().phases[contract.phase]["rate_bp"]
            here, total = at, contract.sum

            def sum_at(x):
                return total + (max(x - below, 0) - max(here - below, 0)) * rate

            until = None
            if not self.is_last(contract) and self.utilisation_counts(contract):
                until = first_that(gross - here, lambda more: self.cash_counts(
                    contract, start_gross + here + more, sum_at(here + more)))
            to = gross if until is None else here + until
            if to > here:
                last = contract.phase
            contract.sum, contract.gross, at = sum_at(to), start_gross + to, to
            if until is None:
                return first, last
            self.take_step(contract)

    def month_gross_now(self, contract):
        return contract.month_gross if contract.month_s == month_of(self.now_s) else 0
