"""The part of the model that is about standing rules: what they count, buy and offer."""
import matching
from books import Escrow, Refused, cost_of, first_refusal, minute_ceil, refuse
from things import Thing

STEP_S = 900
HORIZON_LEAST_MIN = 60
LESS_TRIES = 3


class Rules:
    def rule_order(self, rule, gpus, duration, start_s):
        return dict(rule.terms, operation="order_place", gpus=gpus, gpus_min=1, block_gpus=1,
                    duration_min=duration, start_from_s=start_s,
                    placement="one_site" if rule.terms["profile"] == "training" else "spread",
                    time_in_force="immediate_or_cancel")

    def rule_add(self, account, op):
        terms = {key: value for key, value in op.items() if key in (
            "skus", "profile", "regions", "jurisdictions", "certifications", "interconnect",
            "carbon_g_max", "reliability_ppm_min", "preemptible_ok")}
        rule = Thing(rule=len(self.rules) + 1, account=account, terms=terms, gpus=op["gpus"],
                     horizon_min=op["horizon_min"], resell=op.get("resell", False),
                     sell_price=op.get("sell_price_ucr", 0), state="active", leases=[],
                     last_refusal="accepted",
                     next_s=-(-self.now_s // STEP_S) * STEP_S)
        funds, wish, _ = first_refusal(
            lambda: self.take_tokens(account, op),
            lambda: self.wish_of(account, self.rule_order(rule, rule.gpus, rule.horizon_min, 0)),
            lambda: refuse(rule.horizon_min < HORIZON_LEAST_MIN, "terms_invalid"))
        refuse(funds.total() == 0, "insufficient_funds")
        self.check_payers(funds, wish)
        self.spend_tokens(op)
        rule.escrow = funds
        self.rules[rule.rule] = rule
        return {"object": rule.rule}

    def own_rule(self, account, number):
        refuse(number not in self.rules, "rule_not_found")
        rule = self.rules[number]
        refuse(rule.account != account, "not_owner")
        refuse(rule.state != "active", "rule_closed")
        return rule

    def rule_change(self, account, op):
        funds, rule = first_refusal(lambda: self.take_tokens(account, op),
                                    lambda: self.own_rule(account, op["rule"]))
        self.check_payers(funds, Thing(
            site=0, skus=[sku["sku"] for sku in rule.terms["skus"]], profile=rule.terms["profile"],
            regions=[region["code"] for region in rule.terms.get("regions", [])]))
        self.spend_tokens(op)
        for owner, series, amount in funds.rows:
            rule.escrow.add(owner, series, amount)
        rule.gpus = op.get("gpus", 0)
        return {"object": rule.rule}

    def rule_end(self, account, op):
        rule = self.own_rule(account, op["rule"])
        self.close_rule(rule, "ended")
        self.withdraw_rule_offers(rule)
        return {"object": rule.rule}

    def close_rule(self, rule, state):
        rule.state = state
        self.return_escrow(rule.escrow, rule.escrow.total())

    # --- At a step --------------------------------------------------------------------------

    def usable(self, lease):
        return lease.state_now(self.now_s) in ("granted", "active")

    def counts(self, rule, lease):
        terms = rule.terms
        wish = Thing(skus=[wanted["sku"] for wanted in terms["skus"]], profile=terms["profile"],
                     regions=[r["code"] for r in terms.get("regions", [])],
                     jurisdictions=[j["code"] for j in terms.get("jurisdictions", [])],
                     certifications=[c["name"] for c in terms.get("certifications", [])],
                     interconnect=terms.get("interconnect", ""),
                     carbon_g_max=terms.get("carbon_g_max", 0),
                     preemptible_ok=terms.get("preemptible_ok", False))
        return self.usable(lease) and matching.lease_counts(self, wish, lease)

    def held_array(self, rule, less_offered=False):
        """GPUs held at each minute from the next whole one on: of two horizons, and as long as any
        lease lasts."""
        first = minute_ceil(self.now_s)
        counted = [lease for lease in self.leases.values() if lease.holder == rule.account and
                   self.counts(rule, lease)]
        held = [0] * max([2 * rule.horizon_min] + [lease.end_min - first for lease in counted])
        for lease in counted:
            for minute in range(max(first, lease.start_min), lease.end_min):
                if not lease.paused_at(minute):
                    held[minute - first] += lease.unsold_at(minute)
            if less_offered and lease.resale_offer and lease.lease in rule.leases:
                offer = self.offers[lease.resale_offer]
                begin = max(offer.start_min, first)
                if begin >= offer.end_min:
                    continue
                offered = offer.free_over(self, begin, offer.end_min - begin)
                for minute in range(begin, offer.end_min):
                    held[minute - first] -= offered
        return held

    def rule_due(self, rule):
        rule.next_s = (self.now_s // STEP_S + 1) * STEP_S
        for row in rule.escrow.rows:
            if row[2] and self.expired(row[1]):
                self.give_back(row[0], row[1], row[2])
                row[2] = 0
        if self.accounts[rule.account].frozen:
            rule.last_refusal = "account_frozen"
            return
        rule.last_refusal = self.fill_gap(rule)
        if rule.last_refusal == "insufficient_funds":
            self.close_rule(rule, "exhausted")
            self.withdraw_rule_offers(rule)
        elif rule.resell:
            self.offer_surplus(rule)

    def fill_gap(self, rule):
        """Buys what is missing first; "accepted", or why not."""
        held = self.held_array(rule)
        begin = next((at for at in range(rule.horizon_min) if held[at] < rule.gpus), None)
        if begin is None:
            return "accepted"
        if rule.escrow.total() == 0:
            return "insufficient_funds"
        end = begin + rule.horizon_min
        end = next((at for at in range(begin + 1, end) if held[at] > held[at - 1]), end)
        must = min(end, rule.horizon_min)
        self.withdraw_rule_offers(rule, begin, must)
        gpus = rule.gpus - held[begin]
        longer, pays_longer = "no_capacity", None
        if end > must:
            longer, pays_longer = self.buy(rule, gpus, begin, end)
            if longer == "accepted":
                return longer
        refusal, pays = self.buy(rule, gpus, begin, must)
        if refusal == "insufficient_funds":
            return self.buy_less(rule, pays, begin, must)
        if refusal != "accepted" and longer == "insufficient_funds":
            return self.buy_less(rule, pays_longer, begin, end)
        return refusal

    def buy_less(self, rule, pays, begin, end):
        """What the budget pays of what was found: GPUs for all of the time, or a block for less."""
        for _ in range(LESS_TRIES):
            gpus, block, minutes = pays
            if not gpus and not minutes:
                return "insufficient_funds"
            if not gpus:
                gpus, end = block, begin + minutes
            refusal, pays = self.buy(rule, gpus, begin, end)
            if refusal != "insufficient_funds":
                return refusal
        return "size_not_met"

    def can_pay(self, wish, match, funds):
        """(GPUs, block, minutes): what funds pay of a match, its parts in order; or, of the block
        that is paid longest, how long."""
        left, gpus, block, minutes = funds, 0, 0, 0
        for part in match.parts:
            unit = matching.unit_of(wish, part.offer)
            paid = left * 60 // part.price // wish.duration_min if part.price else part.gpus
            takes = part.gpus if paid >= part.gpus else paid - paid % unit
            left -= cost_of(takes * wish.duration_min, part.price)
            gpus += takes
            lasts = funds * 60 // part.price // unit if part.price else wish.duration_min
            lasts = min(lasts, wish.duration_min - 1)
            if lasts >= part.offer.lease_min_min and lasts > minutes:
                block, minutes = unit, lasts
        return gpus, block, minutes

    def buy(self, rule, gpus, missing, until):
        """GPUs over minutes counted from the next whole one on; "accepted", or why not, and what
        could be paid."""
        first = minute_ceil(self.now_s)
        op = self.rule_order(rule, gpus, until - missing, (first + missing) * 60)
        try:
            wish = self.wish_of(rule.account, op)
        except Refused as refused:
            return refused.reason, None
        paying = [row for row in rule.escrow.rows if row[2]]
        wish.series = [row[1] for row in paying]
        match = matching.find(self, wish)
        self.check_search(wish, match)
        if not matching.enough(wish, match):
            return self.why_refused(wish, match), None
        cost = sum(cost_of(part.gpus * wish.duration_min, part.price) for part in match.parts)
        if cost > rule.escrow.total():
            return "insufficient_funds", self.can_pay(wish, match, rule.escrow.total())
        order = self.new_order(rule.account, op, wish)
        self.orders[order.order] = order
        order.escrow = Escrow()
        order.escrow.rows = rule.escrow.take(cost)
        self.settle_fill(order, match)
        rule.leases += order.leases
        return "accepted", None

    def rule_leases(self, rule):
        return [self.leases[n] for n in rule.leases if self.usable(self.leases[n])]

    def withdraw_rule_offers(self, rule, begin=None, end=None):
        """Those that cover any of the minutes, counted from the next whole one on; or all."""
        first = minute_ceil(self.now_s)
        for lease in self.rule_leases(rule):
            if lease.resale_offer and begin is not None:
                offer = self.offers[lease.resale_offer]
                if offer.start_min >= first + end or offer.end_min <= first + begin:
                    continue
            self.resale_close(lease)

    def offer_surplus(self, rule):
        """Of the last lease granted that has no offer and of which something is too many."""
        held = self.held_array(rule, less_offered=True)
        first = minute_ceil(self.now_s)
        for lease in sorted(self.rule_leases(rule), key=lambda n: -n.lease):
            begin = max(lease.start_min, first)
            # An offer that is over by its time is over, swept or not.
            if lease.resale_offer and self.offers[lease.resale_offer].end_min * 60 <= self.now_s:
                self.close_offer(self.offers[lease.resale_offer], "ended")
            if lease.resale_offer or begin >= lease.end_min or not self.counts(rule, lease):
                continue
            over = held[begin - first:lease.end_min - first]
            gpus = min(min(over, default=rule.gpus) - rule.gpus,
                       lease.unsold(begin, lease.end_min))
            if gpus <= 0:
                continue
            op = dict(lease=lease.lease, gpus=gpus, block_gpus=1, start_s=begin * 60,
                      end_s=lease.end_min * 60, price_ucr=rule.sell_price, lease_min_min=1)
            try:
                self.lease_resell(rule.account, op)
            except Refused:
                pass
            return
