"""The part of the model that is about dual control: what one admin or treasurer may mint and pay
out alone, what several must approve, and payouts themselves."""
from books import Grounds, refuse
from things import Thing

DAY_S = 86400
PROPOSAL_LIFE_S = 7 * DAY_S
MINTED_MAX = 10**18  # of a series


class Control:
    # --- Admins -----------------------------------------------------------------------------

    def active_admins(self):
        return [number for number, account in self.accounts.items()
                if account.role == "admin" and not account.frozen]

    def register_check(self, grounds, op):
        grounds.when(any(a.name == op["name"] for a in self.accounts.values()), "name_taken")
        grounds.when(any({op["sign_key"], op["channel_key"]} & a.keys
                         for a in self.accounts.values()), "key_taken")

    def account_new(self, op, role):
        number = len(self.accounts) + 1
        self.register(number, role, op["name"], {op["sign_key"], op["channel_key"]})
        self.say("account_registered", account=number, name=op["name"], role=role)
        return number

    def account_register(self, account, op):
        grounds = Grounds()
        self.register_check(grounds, op)
        grounds.when(op["role"] == "admin" and self.alone_is_too_few(), "approval_needed")
        grounds.refuse()
        return {"object": self.account_new(op, op["role"])}

    def alone_is_too_few(self):
        """Whether an admin is made by several alone, but as long as there are too few for that."""
        return 1 < self.policy.approvals <= len(self.active_admins())

    def account_freeze(self, account, op):
        grounds = Grounds()
        whom = self.accounts.get(op["account"])
        grounds.when(whom is None, "account_not_found")
        if whom is not None:
            grounds.when(op["account"] == account, "not_permitted")
            grounds.when(whom.frozen, "already_so")
            left = len(self.active_admins()) - 1
            grounds.when(whom.role == "admin" and not whom.frozen and left < self.policy.approvals,
                         "terms_invalid")
        grounds.refuse()
        whom.frozen = True
        return {"object": op["account"]}

    def thaw_check(self, grounds, number):
        whom = self.accounts.get(number)
        grounds.when(whom is None, "account_not_found")
        grounds.when(whom is not None and not whom.frozen, "already_so")

    def thaw(self, number):
        self.accounts[number].frozen = False
        self.say("account_unfrozen", account=number)
        for site in self.sites.values():
            if site.operator == number:
                self.ask_about_site(site.site)

    def account_unfreeze(self, account, op):
        grounds = Grounds()
        self.thaw_check(grounds, op["account"])
        whom = self.accounts.get(op["account"])
        grounds.when(whom is not None and whom.role == "admin" and self.alone_is_too_few(),
                     "approval_needed")
        grounds.refuse()
        self.thaw(op["account"])
        return {"object": op["account"]}

    # --- Minting and payouts ----------------------------------------------------------------

    def today(self):
        return self.now_s // DAY_S

    def beyond(self, limit, key, amount):
        """Whether one alone may not do so much more of it today."""
        return limit != 0 and self.done_alone.get((key, self.today()), 0) + amount > limit

    def count_alone(self, key, amount):
        day = (key, self.today())
        self.done_alone[day] = self.done_alone.get(day, 0) + amount

    def mint_check(self, grounds, op):
        series, outputs = self.series.get(op["series"]), op["outputs"]
        total = sum(output["amount_ucr"] for output in outputs)
        grounds.when(series is None, "series_not_found")
        grounds.when(series is not None and self.expired(op["series"]), "series_expired")
        grounds.when(not outputs, "malformed")
        grounds.when(any(output["amount_ucr"] == 0 for output in outputs), "amount_zero")
        grounds.when(self.books.minted.get(op["series"], 0) + total > MINTED_MAX, "amount_overflow")
        for output in outputs:
            whom = self.accounts.get(output["account"])
            grounds.when(whom is None, "account_not_found")
            grounds.when(whom is not None and whom.role in ("auditor", "treasurer"),
                         "role_not_allowed")
            grounds.when(whom is not None and whom.frozen, "party_frozen")
        return total

    def mint_apply(self, op):
        for output in op["outputs"]:
            self.books.mint(output["account"], op["series"], output["amount_ucr"])
        self.say("minted", series=op["series"], outputs=op["outputs"])

    def mint(self, account, op):
        grounds = Grounds()
        total = self.mint_check(grounds, op)
        grounds.when(self.beyond(self.policy.mint_limit, "mint", total), "approval_needed")
        grounds.refuse()
        self.count_alone("mint", total)
        self.mint_apply(op)
        return {"object": op["series"]}

    def payout_check(self, grounds, whose, op):
        grounds.when(whose not in self.accounts, "account_not_found")
        grounds.when(op["series"] not in self.series, "series_not_found")
        grounds.when(op["amount_ucr"] == 0, "amount_zero")
        if whose in self.accounts:
            grounds.when(self.accounts[whose].frozen, "party_frozen")
            balance = self.books.of(whose, op["series"], "balance")
            grounds.when(op["amount_ucr"] > balance, "insufficient_funds")
            if not grounds.found:  # it comes before approval_needed
                refuse(self.is_pledged(whose, op["amount_ucr"]), "balance_pledged")

    def payout_apply(self, whose, op):
        series, amount = op["series"], op["amount_ucr"]
        self.books.move(series, (whose, "balance"), (whose, "paid_out"), amount)
        self.say("paid_out", account=whose, series=series, amount_ucr=amount)
        self.flow("payout", whose, 0, [(series, amount)])

    def payout(self, account, op):
        grounds = Grounds()
        whose = op.get("account", 0) or account
        others = whose != account and self.accounts[account].role != "treasurer"
        grounds.when(others, "not_owner")
        self.payout_check(grounds, whose, op)
        grounds.when(self.beyond(self.policy.payout_limit, whose, op["amount_ucr"]),
                     "approval_needed")
        grounds.refuse()
        self.count_alone(whose, op["amount_ucr"])
        self.payout_apply(whose, op)
        return {"object": op["series"]}

    # --- Proposing --------------------------------------------------------------------------

    def mint_propose(self, account, op):
        return self.propose_control(account, "mint", op)

    def payout_propose(self, account, op):
        return self.propose_control(account, "payout", op)

    def policy_propose(self, account, op):
        return self.propose_control(account, "policy", op)

    def admin_propose(self, account, op):
        return self.propose_control(account, "admin", op)

    def propose_control(self, account, kind, op):
        op = {key: value for key, value in op.items() if key != "operation"}
        proposal = Thing(proposal=len(self.proposals) + 1, kind=kind, op=op, state="open",
                         proposer=account, proposed_s=self.now_s,
                         until_s=self.now_s + PROPOSAL_LIFE_S, approved=[],
                         needed=self.policy.approvals)
        grounds = Grounds()
        self.carry_check(grounds, proposal)
        grounds.refuse()
        self.proposals[proposal.proposal] = proposal
        self.say(f"{kind}_proposed", proposal=proposal.proposal, **op)
        if self.accounts[account].role == "admin":
            proposal.approved.append(account)
        if len(proposal.approved) >= self.policy.approvals:
            self.carry_out(proposal)
        return {"object": proposal.proposal}

    def carry_check(self, grounds, proposal):
        """Whether it could be done now."""
        op = proposal.op
        if proposal.kind == "mint":
            self.mint_check(grounds, op)
        elif proposal.kind == "payout":
            self.payout_check(grounds, op.get("account", 0), op)
        elif proposal.kind == "policy":
            grounds.when(op["approvals"] > len(self.active_admins()), "terms_invalid")
        elif op.get("account", 0):
            self.thaw_check(grounds, op["account"])
            whom = self.accounts.get(op["account"])
            grounds.when(whom is not None and whom.role != "admin", "role_not_allowed")
        else:
            self.register_check(grounds, op)

    def carry_out(self, proposal):
        op = proposal.op
        proposal.state = "done"
        if proposal.kind == "mint":
            self.mint_apply(op)
        elif proposal.kind == "payout":
            self.payout_apply(op["account"], op)
        elif proposal.kind == "policy":
            self.policy = Thing(approvals=op["approvals"], mint_limit=op.get("mint_limit_ucr", 0),
                                payout_limit=op.get("payout_limit_ucr", 0))
            self.say("policy_changed", proposal=proposal.proposal, **op)
        elif op.get("account", 0):
            self.thaw(op["account"])
        else:
            self.account_new(op, "admin")

    # --- Approving and rejecting ------------------------------------------------------------

    def counting(self, proposal):
        """Who has approved and is not frozen; whoever is must approve again later."""
        return [number for number in proposal.approved if not self.accounts[number].frozen]

    def too_old(self, proposal):
        return self.now_s >= proposal.until_s

    def open_proposal(self, number):
        refuse(number not in self.proposals, "proposal_not_found")
        proposal = self.proposals[number]
        refuse(proposal.state != "open" or self.too_old(proposal), "proposal_closed")
        return proposal

    def control_approve(self, account, op):
        proposal = self.open_proposal(op["proposal"])
        refuse(account in proposal.approved, "already_approved")
        approved = self.counting(proposal) + [account]
        enough = len(approved) >= self.policy.approvals
        grounds = Grounds()
        if enough:
            self.carry_check(grounds, proposal)
        grounds.refuse()
        proposal.approved, proposal.needed = approved, self.policy.approvals
        self.say("control_approved", proposal=proposal.proposal, approvals=len(approved),
                 needed=self.policy.approvals)
        if enough:
            self.carry_out(proposal)
        return {"object": proposal.proposal}

    def control_reject(self, account, op):
        grounds = Grounds()
        proposal = self.proposals.get(op["proposal"])
        others = proposal is not None and proposal.proposer != account
        grounds.when(others and self.accounts[account].role == "treasurer", "not_permitted")
        grounds.of(lambda: self.open_proposal(op["proposal"]))
        grounds.refuse()
        proposal.state = "rejected" if others else "withdrawn"
        self.say("control_rejected", proposal=proposal.proposal, state=proposal.state)
        return {"object": proposal.proposal}

    def proposal_due(self, proposal):
        proposal.state = "expired"
        self.say("control_rejected", proposal=proposal.proposal, state="expired")

    def proposal_state(self, proposal):
        """Too old is too old, whether it was looked at or not."""
        return "expired" if proposal.state == "open" and self.too_old(proposal) else proposal.state
