"""What stories draw of dual control: payouts, limits, proposals, and admins who come and go."""
from control import DAY_S

CONTROL_WEIGHTS = dict(payout=4, propose_payout=2, mint_some=1.5, propose_mint=2, set_policy=1.5,
                       approve=9, reject=1, words=0.7, make_admin=0.7, freeze_admin=1,
                       thaw_admin=1.2)
OWN_ADMINS = (1, 11, 12, 13)
TREASURER = 14
EARNERS = range(2, 11)
MINT_LIMITS = (0, 0, 0, 0, 10**6, 10**8, 10**10)
PAYOUT_LIMITS = (0, 10**5, 10**6, 10**6, 10**7)
ADMINS_MAX = 9


class Controls:
    """A part of the teller."""

    def admin_ref(self, number):
        """Those who were made in the story are named as they were proposed."""
        if number in OWN_ADMINS:
            return number
        return ("@", "account", self.model.accounts[number].name)

    def admins(self, frozen=False):
        return [number for number, account in self.model.accounts.items()
                if account.role == "admin" and account.frozen == frozen]

    def admin(self):
        """One of the active ones, seldom any or somebody else."""
        if self.chance(0.03):
            return self.random.randint(1, TREASURER)
        return self.admin_ref(self.pick(self.admins()))

    def proposal_ref(self, proposal):
        return ("@", "proposal", self.made_by[("proposal", proposal.proposal)])

    # --- Minting and payouts ----------------------------------------------------------------

    def left_today(self, limit, key):
        """What one alone may still do of it today, or thereabouts."""
        done = self.model.done_alone.get((key, self.model.today()), 0)
        return max(limit - done, 0) + self.random.choice((0, 0, 1))

    def outputs(self):
        r = self.random
        amount = r.choice((0, 1, 10**5, 10**7, self.left_today(self.model.policy.mint_limit,
                                                               "mint")))
        if self.chance(0.02):
            amount = 10**18 + r.choice((1, 8 * 10**18))
        others = [dict(account=r.randint(1, TREASURER), amount_ucr=r.randint(1, 10**6))
                  for _ in range(r.choice((0, 0, 1, 2)))]
        rest = max(amount - sum(row["amount_ucr"] for row in others), self.chance(0.9))
        return others + [dict(account=r.randint(1, 10), amount_ucr=int(rest))]

    def minting(self):
        number = self.random.choice(list(self.model.series))
        return dict(series=number + (self.chance(0.03) and 99),
                    outputs=self.outputs() if self.chance(0.98) else [])

    def mint_some(self):
        return {"as": self.admin(), "op": dict(self.minting(), operation="mint")}

    def propose_mint(self):
        return {"as": self.admin(), "op": dict(self.minting(), operation="mint_propose")}

    def earned(self):
        """Mostly of who has something."""
        r = self.random
        found = [key[:2] for key, amount in self.model.books.held.items()
                 if key[2] == "balance" and amount]
        if not found or self.chance(0.05):
            return r.randint(1, TREASURER + 1), r.choice(list(self.model.series))
        pledged = [row for row in found if self.model.is_pledged(
            row[0], self.model.books.of(*row, "balance"))]
        return r.choice(pledged if pledged and self.chance(0.5) else found)

    def payout_body(self, name):
        r = self.random
        account, series = self.earned()
        balance = self.model.books.of(account, series, "balance")
        left = self.left_today(self.model.policy.payout_limit, account)
        amount = r.choice((balance, balance // 2, balance // 5, balance // 5, balance + 1, 1,
                           min(10**5, balance), min(left, balance), left,
                           int(self.chance(0.8))))
        return dict(operation=name, account=account, series=series + (self.chance(0.02) and 99),
                    amount_ucr=amount, reference=f"r{r.randint(1, 9)}")

    def payout(self):
        op = self.payout_body("payout")
        account = op["account"]
        by = account if account in EARNERS and self.chance(0.6) else TREASURER
        if by == account and self.chance(0.5):
            op["account"] = 0
        return {"as": by if self.chance(0.95) else self.random.randint(1, TREASURER), "op": op}

    def propose_payout(self):
        op = self.payout_body("payout_propose")
        waiting = [p.op for p in self.model.proposals.values()
                   if p.kind == "payout" and self.model.proposal_state(p) == "open"]
        if waiting and self.chance(0.5):  # of a balance that gives no two of them
            op.update({key: waiting[-1][key] for key in ("account", "series")})
            op["amount_ucr"] = self.model.books.of(op["account"], op["series"], "balance")
        by = TREASURER if self.chance(0.4) else self.admin()
        return {"as": by, "op": op}

    def words(self):
        """Several things of one admin in one request: the limits count them one by one."""
        r = self.random
        parts = [r.choice((self.mint_some, self.mint_some, self.propose_mint, self.set_policy,
                           self.propose_payout))() for _ in range(r.randint(2, 4))]
        return {"as": self.admin(), "many": [{"op": part["op"]} for part in parts]}

    # --- The policy and admins --------------------------------------------------------------

    def set_policy(self):
        r = self.random
        count = len(self.admins())
        approvals = r.choice((1, 1, 2, 2, 3, 3, count, count + 1))
        return {"as": self.admin(), "op": dict(
            operation="policy_propose", approvals=min(approvals, 16),
            mint_limit_ucr=r.choice(MINT_LIMITS), payout_limit_ucr=r.choice(PAYOUT_LIMITS))}

    def make_admin(self):
        r = self.random
        many = len(self.admins()) + len(self.admins(frozen=True)) >= ADMINS_MAX
        name = r.choice([a.name for a in self.model.accounts.values()]) if many else \
            f"new{r.randint(1, 8)}"
        other = name if self.chance(0.9) else r.choice(("op2", "new1", "new2"))
        op = dict(operation="admin_propose", name=name,
                  sign_key={"keys of": name, "key": "sign_key"},
                  channel_key={"keys of": other, "key": "channel_key"})
        if self.chance(0.3):
            op.update(operation="account_register", role="admin")
        return {"as": self.admin(), "op": op}

    def freeze_admin(self):
        """Often one who has approved what is open."""
        approved = [n for p in self.model.proposals.values() if p.state == "open"
                    for n in self.model.counting(p)]
        admins = approved if approved and self.chance(0.5) else \
            self.admins(frozen=self.chance(0.05)) or self.admins()
        whom = self.admin_ref(self.pick(admins))
        return {"as": self.admin(), "op": dict(operation="account_freeze", account=whom)}

    def thaw_admin(self):
        whom = self.pick(self.admins(frozen=True))
        if whom is None:
            return None
        if self.chance(0.05):
            whom = self.random.randint(2, TREASURER)
        whom = self.admin_ref(whom) if whom > TREASURER else whom
        if self.chance(0.3):
            return {"as": self.admin(), "op": dict(operation="account_unfreeze", account=whom)}
        return {"as": self.admin(), "op": dict(
            operation="admin_propose", account=whom, name="", sign_key="00" * 32,
            channel_key="00" * 32)}

    # --- Approving and rejecting ------------------------------------------------------------

    def waiting(self):
        """Mostly one that is open, seldom one that is not."""
        named = [p for p in self.model.proposals.values() if
                 ("proposal", p.proposal) in self.made_by]
        if self.chance(0.03):
            return self.pick(named)
        found = [p for p in named if self.model.proposal_state(p) == "open"]
        old = [p for p in named if p.state == "open" and p not in found or
               p.until_s < self.model.now_s < p.until_s + DAY_S]
        return self.pick(old if old and self.chance(0.1) else found)

    def approve(self):
        proposal = self.waiting()
        if proposal is None:
            return None
        fresh = [n for n in self.admins() if n not in proposal.approved]
        by = self.admin_ref(self.pick(fresh)) if fresh and self.chance(0.85) else self.admin()
        if self.chance(0.03):
            by = TREASURER
        return {"as": by, "op": dict(operation="control_approve",
                                     proposal=self.proposal_ref(proposal))}

    def reject(self):
        proposal = self.waiting()
        if proposal is None:
            return None
        proposer = proposal.proposer
        by = self.random.choice((self.admin(), TREASURER))
        if self.chance(0.3):
            by = self.admin_ref(proposer) if proposer > TREASURER else proposer
        return {"as": by, "op": dict(operation="control_reject", reason="no",
                                     proposal=self.proposal_ref(proposal))}
