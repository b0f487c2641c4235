"""The part of the model that all kinds of contracts share: proposing, accepting, amending, the fund
and claims."""
from books import Grounds, refuse, split
from things import Thing

CLAIMS_AT_ONCE = 64


class Fund:
    """Rows of [owner, series, amount] in the order in which they came."""

    def __init__(self):
        self.rows = []

    def of(self, owner):
        return sum(row[2] for row in self.rows if row[0] == owner)

    def total(self):
        return sum(row[2] for row in self.rows)

    def add(self, owner, series, amount):
        for row in self.rows:
            if row[0] == owner and row[1] == series:
                row[2] += amount
                return
        self.rows.append([owner, series, amount])

    def take(self, owner, total):
        """Takes `total` of what is the owner's, pro rata; (series, amount) of each."""
        rows = [row for row in self.rows if row[0] == owner]
        taken = []
        for row, part in zip(rows, split(total, [row[2] for row in rows])):
            row[2] -= part
            if part:
                taken.append((row[1], part))
        self.rows = [row for row in self.rows if row[2]]
        return taken


class Contract(Thing):
    state = "proposed"
    version = 0
    versions = 0
    pending = 0
    start_s = 0
    end_s = 0
    paying_s = 0  # since when claims are paid by themselves

    def __init__(self, **fields):
        super().__init__(**fields)
        self.terms = {}  # by version
        self.fund = Fund()
        self.claims = []

    def now(self):
        """The terms in force."""
        return self.terms[self.version]

    def open_claims(self, debtor=None):
        return [c for c in self.claims if c.left and debtor in (None, c.debtor)]


class Contracts:
    def say(self, event, **fields):
        """An event that the rules are to log, in this order."""
        self.said.append((event, fields))

    # --- Finding ----------------------------------------------------------------------------

    def in_force(self, kind):
        return [c for c in self.contracts.values() if c.kind == kind and c.state == "in_force"]

    def seen_contract(self, account, number, kind=None):
        contract = self.contracts.get(number)
        refuse(contract is None or kind not in (None, contract.kind) or
               account not in (contract.debtor, contract.creditor, contract.third),
               "contract_not_found")
        return contract

    def own_contract(self, account, number, kind=None):
        contract = self.seen_contract(account, number, kind)
        refuse(account not in (contract.debtor, contract.creditor), "contract_not_party")
        return contract

    # --- Proposing and accepting ------------------------------------------------------------

    def propose(self, account, op, kind, parties, checks):
        """`parties` are debtor, creditor and third; checks(grounds, contract) looks at the terms of
        the kind, contract None for a new one."""
        grounds = Grounds()
        contract = None
        if op.get("contract", 0):
            contract = grounds.of(lambda: self.seen_contract(account, op["contract"], kind))
        if contract is not None:
            grounds.when(account not in (contract.debtor, contract.creditor), "contract_not_party")
            grounds.when(contract.pending, "contract_pending")
            grounds.when(contract.state != "in_force", "contract_not_in_force")
            grounds.when((contract.debtor, contract.creditor, contract.third) != parties,
                         "contract_parties_fixed")
        elif not op.get("contract", 0):
            grounds.when(account not in parties[:2], "contract_not_party")
        grounds.when(any(party and party not in self.accounts for party in parties),
                     "account_not_found")
        grounds.when(any(self.accounts[party].frozen for party in parties
                         if party in self.accounts), "party_frozen")
        checks(grounds, contract)
        grounds.refuse()
        if contract is None:
            contract = Contract(contract=len(self.contracts) + 1, kind=kind, debtor=parties[0],
                                creditor=parties[1], third=parties[2])
            self.contracts[contract.contract] = contract
        contract.versions += 1
        contract.pending = contract.versions
        contract.proposer = account
        contract.terms[contract.pending] = Thing(
            **{key: value for key, value in op.items() if key not in ("operation", "contract")})
        if not contract.version:
            contract.start_s, contract.end_s = self.span_of(contract)
        return {"object": contract.contract}

    def span_of(self, contract):
        """From when to when the terms are that hold or, before any do, are proposed."""
        terms = contract.terms[contract.version or contract.pending]
        if contract.kind == "grant":
            return terms.start_s, self.grant_end_s(terms)
        return terms.start_s, getattr(terms, "end_s", 0)

    def contract_accept(self, account, op):
        contract = self.seen_contract(account, op["contract"])
        grounds = Grounds()
        mine = account in (contract.debtor, contract.creditor)
        proposed = contract.pending and op["version"] == contract.pending
        grounds.when(not mine, "contract_not_party")
        grounds.when(not proposed, "contract_no_proposal")
        grounds.when(proposed and contract.proposer == account, "contract_own_proposal")
        parties = (contract.debtor, contract.creditor, contract.third)
        grounds.when(any(party and self.accounts[party].frozen for party in parties),
                     "party_frozen")
        if proposed and mine:
            terms = contract.terms[contract.pending]
            getattr(self, f"{contract.kind}_accept_check")(grounds, contract, terms)
        grounds.refuse()
        before = contract.now() if contract.version else None
        contract.version, contract.pending = contract.pending, 0
        contract.state = "in_force"
        contract.start_s, contract.end_s = self.span_of(contract)
        self.say("contract_accepted", contract=contract.contract, version=contract.version)
        getattr(self, f"{contract.kind}_begin")(contract, before)
        return {"object": contract.contract}

    def contract_decline(self, account, op):
        contract = self.own_contract(account, op["contract"])
        refuse(not contract.pending or op["version"] != contract.pending, "contract_no_proposal")
        contract.pending = 0
        if not contract.version:
            contract.state = "withdrawn" if contract.proposer == account else "declined"
        self.say("contract_declined", contract=contract.contract, version=op["version"])
        return {"object": contract.contract}

    def end_contract(self, contract, state):
        contract.state, contract.pending = state, 0
        self.say("contract_ended", contract=contract.contract, state=state)

    # --- The fund ---------------------------------------------------------------------------

    def open_fund(self, account, number):
        contract = self.own_contract(account, number)
        refuse(contract.state != "in_force" and not contract.open_claims(),
               "contract_not_in_force")
        return contract

    def fund_check(self, grounds, contract, account, series):
        """A grant's fund takes its series alone, from the funder alone."""
        self.may_pay(grounds, series, account)
        if contract.kind == "grant":
            grounds.when(account != contract.creditor, "contract_not_party")
            grounds.when(series != contract.now().series, "series_restricted")

    def may_pay(self, grounds, series, *parties):
        """What may not change owner pays under a contract where its funder is one of these."""
        grounds.when(not self.series[series].transferable and
                     self.series[series].funder not in parties, "series_not_transferable")

    def contract_fund(self, account, op):
        grounds = Grounds()
        contract = grounds.of(lambda: self.open_fund(account, op["contract"]))
        funds = grounds.of(lambda: self.take_tokens(account, op))
        if contract is not None and funds is not None:
            for row in funds.rows:
                self.fund_check(grounds, contract, account, row[1])
        grounds.refuse()
        self.spend_tokens(op)
        for _, series, amount in funds.rows:
            contract.fund.add(account, series, amount)
        self.say("contract_funded", contract=contract.contract,
                 added=[(row[1], row[2]) for row in funds.rows])
        self.pay_claims(contract)
        if contract.state == "in_force":
            getattr(self, f"{contract.kind}_funded", lambda _: None)(contract)
        return {"object": contract.contract}

    def contract_withdraw(self, account, op):
        contract = self.own_contract(account, op["contract"])
        grounds = Grounds()
        funds, amount = contract.fund.of(account), op["amount_ucr"]
        grounds.when(amount > funds, "insufficient_funds")
        kept = 0
        if contract.state == "in_force":
            kept = getattr(self, f"{contract.kind}_kept", lambda *_: 0)(contract, account)
        if account == contract.debtor:
            kept = max(kept, self.owes(contract))
        grounds.when(amount > max(funds - kept, 0), "funds_kept")
        grounds.refuse()
        for series, part in contract.fund.take(account, amount):
            self.give_back(account, series, part)
        self.say("contract_withdrawn", contract=contract.contract)
        return {"object": contract.contract}

    def pay_from_fund(self, contract, payer, payee, amount):
        """As much as the fund has of it; (what was paid, by series)."""
        amount = min(amount, contract.fund.of(payer))
        paid = contract.fund.take(payer, amount)
        for series, part in paid:
            self.books.move(series, (payer, "escrow"), (payee, "balance"), part)
        return amount, paid

    # --- Claims -----------------------------------------------------------------------------

    def owes(self, contract):
        return sum(claim.left for claim in contract.open_claims())

    def payable(self, contract, amount):
        """What the debtor's part of the fund has for something new: older claims come before."""
        return min(amount, max(0, contract.fund.of(contract.debtor) - self.owes(contract)))

    def make_claim(self, contract, debtor, creditor, amount, since_s=None):
        if amount:
            claim = Thing(claim=self.claims_made + 1, contract=contract.contract, debtor=debtor,
                          creditor=creditor, amount=amount, left=amount,
                          since_s=self.now_s if since_s is None else since_s)
            self.claims_made += 1
            contract.claims.append(claim)
            self.say("claim_made", claim=claim.claim, contract=contract.contract, debtor=debtor,
                     creditor=creditor, amount_ucr=amount)

    def lower_claim(self, contract, claim, amount, paid):
        claim.left -= amount
        self.say("claim_paid", claim=claim.claim, contract=contract.contract, paid_ucr=amount,
                 left_ucr=claim.left, paid=paid)
        if not contract.open_claims():
            contract.paying_s = 0
        hook = getattr(self, f"{contract.kind}_claim_paid", None)
        if hook:
            hook(contract, amount)

    def pay_claims(self, contract, missing=None, most=CLAIMS_AT_ONCE):
        """From the debtor's part of the fund, the oldest first; how many. What is missing of a
        settlement is a claim for that moment only."""
        count = 0
        for claim in contract.open_claims()[:most]:
            amount, paid = self.pay_from_fund(contract, claim.debtor, claim.creditor, claim.left)
            if not amount:
                break
            self.flow_of_claim(contract, claim, paid, missing)
            self.lower_claim(contract, claim, amount, paid)
            count += 1
        goes_on = contract.open_claims() and contract.fund.of(contract.debtor)
        contract.paying_s = (contract.paying_s or self.now_s) if goes_on else 0
        return count

    def claim_pay(self, account, op):
        """From what the debtor has earned of one series."""
        contract = self.own_contract(account, op["contract"])
        series, amount = op["series"], op["amount_ucr"]
        refuse(series not in self.series, "series_not_found")
        claims = contract.open_claims(account)
        refuse(not claims, "no_claim")
        refuse(amount > self.books.of(account, series, "balance"), "insufficient_funds")
        claimed = sum(claim.left for claim in claims)
        refuse(self.is_pledged(account, min(amount, claimed)), "balance_pledged")
        claims = claims[:CLAIMS_AT_ONCE]
        total = left = min(amount, sum(claim.left for claim in claims))
        self.say("claim_settled", contract=contract.contract, series=series, amount_ucr=total,
                 debtor=contract.debtor, creditor=contract.creditor, beneficiary=contract.third)
        for claim in claims:
            part = min(left, claim.left)
            if part:
                self.books.move(series, (account, "balance"), (claim.creditor, "balance"), part)
                self.flow_of_claim(contract, claim, [(series, part)])
                self.lower_claim(contract, claim, part, [(series, part)])
            left -= part
        return {"object": contract.contract}
