"""The part of the model that is about standing rules: what they count, buy and offer."""
import matching
from books import Escrow, Refused, cost_of, first_refusal, minute_ceil, refuse
from things import Thing

STEP_S = 900


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
                     next_s=-(-self.now_s // STEP_S) * STEP_S)
        funds, _ = first_refusal(
            lambda: self.take_tokens(account, op),
            lambda: self.wish_of(account, self.rule_order(rule, rule.gpus, rule.horizon_min, 0)))
        refuse(funds.total() == 0, "insufficient_funds")
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

    def held_array(self, rule, less_offered=False):
        """GPUs held at each minute of the horizon, from the next whole one on."""
        first = minute_ceil(self.now_s)
        held = [0] * rule.horizon_min
        skus = [wanted["sku"] for wanted in rule.terms["skus"]]
        for lease in self.leases.values():
            if lease.holder != rule.account or lease.sku not in skus or not self.usable(lease):
                continue
            for minute in range(max(first, lease.start_min),
                                min(first + rule.horizon_min, lease.end_min)):
                if not lease.paused_at(minute):
                    held[minute - first] += lease.unsold_at(minute)
            if less_offered and lease.resale_offer and lease.lease in rule.leases:
                offer = self.offers[lease.resale_offer]
                begin = max(offer.start_min, first)
                if begin >= offer.end_min:
                    continue
                offered = offer.free_over(self, begin, offer.end_min - begin)
                for minute in range(begin, min(offer.end_min, first + rule.horizon_min)):
                    held[minute - first] -= offered
        return held

    def rule_due(self, rule):
        rule.next_s = (self.now_s // STEP_S + 1) * STEP_S
        for row in rule.escrow.rows:
            if row[2] and self.expired(row[1]):
                self.give_back(row[0], row[1], row[2])
                row[2] = 0
        if self.accounts[rule.account].frozen:
            return
        held = self.held_array(rule)
        missing = next((at for at, gpus in enumerate(held) if gpus < rule.gpus), None)
        if missing is None:
            if rule.resell:
                self.offer_surplus(rule)
            return
        self.withdraw_rule_offers(rule)
        until = next((at for at in range(missing + 1, len(held)) if held[at] > held[at - 1]),
                     len(held))
        if rule.escrow.total() == 0 or \
                not self.buy(rule, rule.gpus - held[missing], missing, until):
            self.close_rule(rule, "exhausted")

    def buy(self, rule, gpus, missing, until):
        """False when the budget is too small for what there is."""
        first = minute_ceil(self.now_s)
        op = self.rule_order(rule, gpus, until - missing, (first + missing) * 60)
        try:
            wish = self.wish_of(rule.account, op)
        except Refused:
            return True
        paying = [row for row in rule.escrow.rows if row[2]]
        wish.series = [row[1] for row in paying]
        match = matching.find(self, wish)
        self.check_search(wish, match)
        if not matching.enough(wish, match):
            return True
        cost = sum(cost_of(part.gpus * wish.duration_min, part.price) for part in match.parts)
        if cost > rule.escrow.total():
            return False
        order = self.new_order(rule.account, op, wish)
        self.orders[order.order] = order
        order.escrow = Escrow()
        order.escrow.rows = rule.escrow.take(cost)
        self.settle_fill(order, match)
        rule.leases += order.leases
        return True

    def rule_leases(self, rule):
        return [self.leases[n] for n in rule.leases if self.usable(self.leases[n])]

    def withdraw_rule_offers(self, rule):
        for lease in self.rule_leases(rule):
            self.resale_close(lease)

    def offer_surplus(self, rule):
        """Of the last lease granted that has no offer and of which something is too many."""
        held = self.held_array(rule, less_offered=True)
        first = minute_ceil(self.now_s)
        for lease in sorted(self.rule_leases(rule), key=lambda n: -n.lease):
            begin = max(lease.start_min, first)
            if lease.resale_offer or begin >= lease.end_min:
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
