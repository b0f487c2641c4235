"""The part of the model that is about backstops: what is owed is looked at minute by minute."""
import copy

import matching
from books import MINUTE, ORDER_LEASES_MAX, Escrow, Grounds, ceil_div, cost_of, refuse
from orders import Order
from things import Thing


class Backstops:
    # --- Terms ------------------------------------------------------------------------------

    def backstop_propose(self, account, op):
        def checks(grounds, contract):
            self.backstop_check(grounds, Thing(**op))
            begun = not op.get("contract", 0) and op["start_s"] < self.now_s
            grounds.when(begun, "interval_in_past")
            if contract is not None:
                self.backstop_past_check(grounds, contract, Thing(**op))

        return self.propose(account, op, "backstop", (op["guarantor"], op["operator"], 0), checks)

    def backstop_check(self, grounds, terms):
        roles = [self.accounts[terms.guarantor].role, self.accounts[terms.operator].role]
        grounds.when(roles != ["guarantor", "operator"], "role_not_allowed")
        site = self.sites.get(terms.site)
        grounds.when(site is None, "site_not_found")
        grounds.when(site is not None and site.operator != terms.operator, "not_owner")
        grounds.when(terms.sku not in self.skus, "sku_not_found")
        times = [terms.start_s, terms.end_s] + [lot["from_s"] for lot in terms.lots]
        grounds.when(any(time_s % MINUTE for time_s in times) or terms.start_s >= terms.end_s,
                     "interval_invalid")

    def backstop_past_check(self, grounds, contract, terms):
        old = contract.now() if contract.version else terms
        grounds.when((old.site, old.sku) != (terms.site, terms.sku), "contract_parties_fixed")
        if not contract.version:
            return
        grounds.when((old.start_s, old.period_min) != (terms.start_s, terms.period_min),
                     "contract_past_fixed")
        grounds.when(terms.pool_ucr < contract.owed + contract.elected, "contract_past_fixed")
        begins_s = self.period_span(contract, contract.period)[0]
        last = max((self.leases[n].granted_end_min for n in contract.elected_leases), default=0)
        grounds.when(terms.end_s < self.now_s or terms.end_s <= begins_s or
                     terms.end_s < min(last * MINUTE, old.end_s), "contract_past_fixed")

    def backstop_accept_check(self, grounds, contract, terms):
        self.backstop_check(grounds, terms)
        if contract.version:
            self.backstop_past_check(grounds, contract, terms)
        else:
            grounds.when(terms.start_s < self.now_s, "interval_in_past")
        grounds.when(any(
            other is not contract and (other.now().site, other.now().sku) == (terms.site, terms.sku)
            and other.now().start_s < terms.end_s and terms.start_s < other.now().end_s
            for other in self.in_force("backstop")), "contract_overlaps")

    def backstop_begin(self, contract, before):
        if before is not None:
            return
        contract.owed = contract.paid = contract.elected = contract.period = 0
        contract.draws = []
        contract.elected_leases = []
        contract.sums = dict(covered=0, sold=0, elected=0, not_offered=0, owed=0,
                             cost=0)

    def pool_left(self, contract):
        if contract.version == 0:
            return contract.terms[contract.pending or contract.versions].pool_ucr
        return contract.now().pool_ucr - contract.owed - contract.elected

    # --- Minutes ----------------------------------------------------------------------------

    def certified(self, site, names, minute):
        """Held at the end of the minute."""
        end_s = (minute + 1) * MINUTE
        return all(any(held == name and expires_s >= end_s
                       for held, expires_s in self.sites[site].certifications) for name in names)

    def free_listed(self, contract, offer, minute):
        """What counts as listed of an offer at a minute."""
        terms = contract.now()
        if not offer.start_min <= minute < self.listed_until(offer):
            return 0
        stood = self.stood(offer, minute, terms.price_max_ucr, terms.ahead_min)
        return max(stood - self.taken(offer)[minute - offer.start_min], 0)

    def listing_holds(self, terms, minute):
        names = [c["name"] for c in getattr(terms, "certifications", [])]
        frozen = self.accounts[terms.operator].frozen
        return not frozen and not self.site_closed(terms.site, minute) and \
            self.certified(terms.site, names, minute)

    def owed_at(self, contract, minute):
        """(covered, sold, elected, owed) at one minute."""
        terms = contract.now()
        lots = sum(lot["gpus"] for lot in terms.lots if lot["from_s"] <= minute * MINUTE)
        covered = min(terms.gpus, lots)
        sold = elected = listed = 0
        holds = self.listing_holds(terms, minute)
        for offer in self.own_offers(terms.site, terms.sku):
            if offer.start_min <= minute < offer.end_min:
                at = minute - offer.start_min
                elected += self.elected(offer)[at]
                sold += self.taken(offer)[at] - self.elected(offer)[at]
                listed += self.free_listed(contract, offer, minute) if holds else 0
        held_back = self.withheld_at(terms.site, terms.sku, minute)
        owed = min(covered - elected, sold + listed) - sold - held_back
        return covered, sold, elected, max(0, owed)

    def note_backstop(self, contract, first, end):
        terms = contract.now()
        for minute in range(max(first, terms.start_s // MINUTE), min(end, terms.end_s // MINUTE)):
            covered, sold, elected, owed = self.owed_at(contract, minute)
            sums = contract.sums
            sums["covered"] += covered
            sums["sold"] += sold
            sums["elected"] += elected
            sums["not_offered"] += max(0, covered - sold - elected - owed)
            sums["owed"] += owed
            sums["cost"] += owed * terms.strike_ucr

    # --- Settlement -------------------------------------------------------------------------

    def period_span(self, contract, period):
        terms = contract.now()
        start_s = terms.start_s + period * terms.period_min * MINUTE
        return start_s, min(start_s + terms.period_min * MINUTE, terms.end_s)

    def backstop_due_s(self, contract):
        return self.period_span(contract, contract.period)[1]

    def backstop_due(self, contract):
        start_s, end_s = self.period_span(contract, contract.period)
        sums = contract.sums
        owed = min(ceil_div(sums["cost"], 60), self.pool_left(contract))
        contract.owed += owed
        amount, paid = self.pay_from_fund(contract, contract.debtor, contract.creditor,
                                          self.payable(contract, owed))
        contract.paid += amount
        self.flow("backstop", contract.debtor, contract.creditor, paid, contract.now().site,
                  contract.now().sku, sums["owed"])
        draw = dict(contract=contract.contract, period=contract.period, start_s=start_s,
                    end_s=end_s, gpu_minutes_covered=sums["covered"],
                    gpu_minutes_sold=sums["sold"], gpu_minutes_elected=sums["elected"],
                    gpu_minutes_owed=sums["owed"], owed_ucr=owed, paid_ucr=amount,
                    pool_left_ucr=self.pool_left(contract))
        assert draw["pool_left_ucr"] >= 0, "the pool is never exceeded"
        contract.draws.append(dict(draw, gpu_minutes_not_offered=sums["not_offered"]))
        contract.sums = dict.fromkeys(sums, 0)
        contract.period += 1
        self.say("backstop_settled", paid=paid, **draw)
        self.make_claim(contract, contract.debtor, contract.creditor, owed - amount, end_s)
        if end_s >= contract.now().end_s:
            self.end_contract(contract, "expired")

    # --- Election ---------------------------------------------------------------------------

    def electing(self, account, number):
        contract = self.seen_contract(account, number, "backstop")
        refuse(account != contract.debtor, "contract_not_party")
        refuse(contract.state != "in_force", "contract_not_in_force")
        return contract

    def backstop_elect(self, account, op):
        grounds = Grounds()
        contract = grounds.of(lambda: self.electing(account, op["contract"]))
        funds = grounds.of(lambda: self.take_tokens(account, op))
        if contract is None:
            grounds.refuse()
        grounds.when(self.accounts[contract.creditor].frozen, "party_frozen")
        start_s, end_s = self.period_span(contract, op["period"])
        grounds.when(start_s >= end_s, "period_not_found")
        grounds.when(start_s < end_s and start_s <= self.now_s, "period_begun")
        terms = contract.now()
        region = self.sites[terms.site].region
        grounds.when(funds is not None and not all(
            matching.series_allow(self, row[1], terms.sku, region, "tuning")
            for row in funds.rows), "series_restricted")
        parts, duration = [], (end_s - start_s) // MINUTE
        least = cost_of(max(0, duration), terms.strike_ucr)
        grounds.when(funds is not None and least > funds.total(), "insufficient_funds")
        # Before offers are looked at: whether they have anything is no ground any more.
        exhausted = least > self.pool_left(contract)
        grounds.when(exhausted, "pool_exhausted")
        if start_s < end_s and start_s > self.now_s and not exhausted:
            parts = self.electable(contract, op["gpus"], start_s // MINUTE, end_s // MINUTE)
            grounds.when(not parts, "no_capacity")
        costs = [cost_of(gpus * duration, terms.strike_ucr) for _, gpus in parts]
        grounds.when(funds is not None and sum(costs) > funds.total(), "insufficient_funds")
        grounds.when(sum(costs) > self.pool_left(contract), "pool_exhausted")
        grounds.refuse()
        self.spend_tokens(op)
        contract.elected += sum(costs)
        order = self.elected_order(account, contract, start_s // MINUTE, duration)
        order.escrow = funds
        self.grant_elected(contract, order, parts, costs)
        self.say("backstop_elected", contract=contract.contract, period=op["period"],
                 order=order.order, cost_ucr=sum(costs), pool_left_ucr=self.pool_left(contract))
        return {"object": order.order}

    def electable(self, contract, gpus, start, end):
        """(offer, GPUs) of what would be owed for throughout, the oldest offers first."""
        for offer in self.noted_offers:
            self.note_listing(offer, self.now_min())
        left = min([gpus] + [self.owed_at(contract, minute)[3] for minute in range(start, end)])
        parts = []
        for offer in sorted(self.own_offers(contract.now().site, contract.now().sku),
                            key=lambda o: o.place):
            longest = offer.lease_max_min or end - start
            fits = offer.lease_min_min <= end - start <= longest
            if not fits or not self.is_shown(offer) or len(parts) == ORDER_LEASES_MAX:
                continue
            free = min(self.free_listed(contract, offer, minute) for minute in range(start, end))
            takes = min(free, left) // offer.block * offer.block
            if takes:
                parts.append((offer, takes))
                left -= takes
        return parts

    def elected_order(self, account, contract, start, duration):
        sku = contract.now().sku
        wish = Thing(account=account, place=0, site=0, skus={sku: contract.now().strike_ucr},
                     gpus=0, gpus_min=0, block=1, duration_min=duration, spread=True,
                     from_min=start, until_min=start, profile="tuning", preemptible_ok=True,
                     regions=[], jurisdictions=[], certifications=[], interconnect="",
                     carbon_g_max=0, reliability_ppm_min=0, series=[], funded_min=0)
        order = Order(order=len(self.orders) + 1, account=account, wish=wish, gpus=0, filled=0,
                      rests=False, state="filled", end_reason="filled", rest_until_s=0, cost=0,
                      site=0, leases=[])
        self.orders[order.order] = order
        return order

    def grant_elected(self, contract, order, parts, costs):
        """Each lease's cost is divided over the series of what each has left to pay."""
        match = Thing(start_min=order.wish.from_min)
        pays = Escrow()
        pays.rows = order.escrow.take(sum(costs))
        for (offer, gpus), cost in zip(parts, costs):
            part = Thing(offer=offer, gpus=gpus, price=contract.now().strike_ucr)
            lease = self.grant(order, match, part, cost, copy.deepcopy(pays.take(cost)))
            lease.elected = True
            if lease.billing == "metered":
                lease.least_charge_ppm = 1000000
            offer.changed()
            contract.elected_leases.append(lease.lease)
        self.return_escrow(order.escrow, order.escrow.total())
