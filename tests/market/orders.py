"""The part of the model that is about orders: placing, resting, amending, and the asking of resting
orders when capacity comes."""
import copy

import matching
from books import (MINUTE, Escrow, Refused, cost_of, first_refusal, refuse, split)
from things import Thing

FILLS_AT_ONCE = 4


def turn(order, offer):
    """Whose turn comes first when resting orders are asked: the highest limit, then the oldest."""
    return -order.wish.skus[offer.sku], order.place


class Order(Thing):
    """A resting one has wish, escrow and place."""


class Orders:
    def take_tokens(self, account, op):
        """The tokens named, as escrow rows in the order in which their series first appear."""
        funds = Escrow()
        seen = set()
        for serial in op.get("tokens", []):
            refuse(serial not in self.tokens, "token_not_found")
            token = self.tokens[serial]
            refuse(token.spent, "token_spent")
            refuse(serial in seen, "token_twice")
            refuse(token.owner != account, "not_owner")
            refuse(self.expired(token.series), "series_expired")
            seen.add(serial)
            funds.add(account, token.series, token.amount)
        return funds

    def check_payers(self, funds, wish):
        """Each series may pay for one of the SKUs somewhere in the regions, or at the site."""
        wanted = [self.sites[wish.site].region] if wish.site else wish.regions
        for _, number, _ in funds.rows:
            series = self.series[number]
            somewhere = not series.regions or not wanted or any(
                matching.covers([code], other) or matching.covers([other], code)
                for code in wanted for other in series.regions)
            refuse(not somewhere or (series.profiles and wish.profile not in series.profiles) or
                   not any(not series.skus or sku in series.skus for sku in wish.skus),
                   "series_restricted")

    def spend_tokens(self, op):
        for serial in op.get("tokens", []):
            token = self.tokens[serial]
            token.spent = True
            self.books.move(token.series, (token.owner, "tokens"), (token.owner, "escrow"),
                            token.amount)

    def wish_of(self, account, op):
        skus = {s["sku"]: s["limit_price_ucr"] for s in op["skus"]}
        refuse(not op["skus"] or len(skus) != len(op["skus"]), "malformed")
        refuse(op["gpus_min"] > op["gpus"] or op["block_gpus"] > op["gpus"], "malformed")
        refuse(any(sku not in self.skus for sku in skus), "sku_not_found")
        refuse(any(self.skus[sku].state == "retired" for sku in skus), "sku_retired")
        refuse(op["gpus"] % op["block_gpus"], "block_invalid")
        start, until = op.get("start_from_s", 0), op.get("start_until_s", 0)
        refuse(start % 60 or until % 60, "interval_invalid")
        now = self.now_min()
        from_min = start // 60 if start else now
        until_min = until // 60 if until else from_min
        refuse(start and until_min < from_min, "interval_invalid")
        refuse(until_min < now, "interval_in_past")
        profile = op["profile"]
        preemptible_ok = op.get("preemptible_ok", False)
        refuse(profile == "training" and (op["placement"] != "one_site" or preemptible_ok),
               "terms_invalid")
        funded = op.get("funded_min", 0)
        refuse(funded and (profile != "inference" or funded > op["duration_min"]), "terms_invalid")
        everything = op["time_in_force"] == "fill_or_kill"
        return Thing(account=account, place=float("inf"), site=0, skus=skus, gpus=op["gpus"],
                     gpus_min=op["gpus"] if everything else op["gpus_min"],
                     block=op["block_gpus"], duration_min=op["duration_min"],
                     spread=op["placement"] == "spread", from_min=max(from_min, now),
                     until_min=until_min, profile=profile, preemptible_ok=preemptible_ok,
                     regions=[r["code"] for r in op.get("regions", [])],
                     jurisdictions=[j["code"] for j in op.get("jurisdictions", [])],
                     certifications=[c["name"] for c in op.get("certifications", [])],
                     interconnect=op.get("interconnect", ""),
                     carbon_g_max=op.get("carbon_g_max", 0),
                     reliability_ppm_min=op.get("reliability_ppm_min", 0),
                     series=[], funded_min=funded)

    def why_refused(self, wish, partial):
        def would(**changes):
            other = copy.copy(wish)
            other.__dict__.update(changes)
            return matching.enough(other, matching.find(self, other))

        if would(series=[]):
            return "series_restricted"
        if would(account=0):
            return "self_trade"
        if would(skus={sku: 10**15 for sku in wish.skus}):
            return "price_above_limit"
        return "size_not_met" if partial.gpus else "no_capacity"

    def order_place(self, account, op):
        funds, wish = first_refusal(lambda: self.take_tokens(account, op),
                                    lambda: self.check_order(account, op))
        wish.series = [row[1] for row in funds.rows]
        rests = op["time_in_force"] == "good_till_time"
        if rests:
            self.check_payers(funds, wish)
        match = matching.find(self, wish)
        found = matching.enough(wish, match)
        self.check_search(wish, match)
        if not found:
            if not rests:
                raise Refused(self.why_refused(wish, match))
            match = matching.Match()
        order = self.new_order(account, op, wish)
        order.escrow = funds
        cost = sum(self.part_cost(wish, part) for part in match.parts)
        missing = wish.gpus - match.gpus if rests else 0
        refuse(cost + self.rest_cost(order, missing) > funds.total(), "insufficient_funds")
        self.spend_tokens(op)
        self.orders[order.order] = order
        order.place = self.next_place()
        self.keep(order, cost + self.rest_cost(order, missing))
        self.settle_fill(order, match)
        if match.parts:
            self.fill_on(order)
        return {"object": order.order}

    def check_order(self, account, op):
        wish = self.wish_of(account, op)
        rest_until_s = op.get("rest_until_s", 0)
        if op["time_in_force"] == "good_till_time":
            refuse(rest_until_s == 0, "interval_invalid")
            refuse(rest_until_s <= self.now_s, "interval_in_past")
        else:
            refuse(rest_until_s != 0, "interval_invalid")
        return wish

    def new_order(self, account, op, wish):
        return Order(order=len(self.orders) + 1, account=account, wish=wish, gpus=wish.gpus,
                     filled=0, rests=op["time_in_force"] == "good_till_time", state="resting",
                     end_reason="not_yet", rest_until_s=op.get("rest_until_s", 0), cost=0,
                     site=0, leases=[])

    def paid_minutes(self, wish):
        return wish.funded_min or wish.duration_min

    def part_cost(self, wish, part):
        minutes = wish.duration_min if part.offer.lease else self.paid_minutes(wish)
        return cost_of(part.gpus * minutes, part.price)

    def rest_cost(self, order, missing):
        """What the missing GPUs can come to cost at the highest limit, filled one by one."""
        wish = order.wish
        return missing * cost_of(self.paid_minutes(wish), max(wish.skus.values()))

    def keep(self, order, amount):
        """What the escrow holds beyond an amount goes back."""
        held = order.escrow
        order.escrow = Escrow()
        order.escrow.rows = held.take(amount)
        self.return_escrow(held, held.total())

    def settle_fill(self, order, match):
        """Grants the leases of a match, pays them from the order's escrow, gives back the rest."""
        wish = order.wish
        costs = [self.part_cost(wish, part) for part in match.parts]
        pays = order.escrow.take(sum(costs))
        left = [list(row) for row in pays]
        for part, cost in zip(match.parts, costs):
            parts = split(cost, [row[2] for row in left])
            for row, amount in zip(left, parts):
                row[2] -= amount
            self.grant(order, match, part, cost,
                       [[row[0], row[1], amount] for row, amount in zip(left, parts) if amount])
        order.filled += match.gpus
        order.cost += sum(cost_of(part.gpus * wish.duration_min, part.price)
                          for part in match.parts)
        if match.parts:
            self.settle_start(order, match)
            if not wish.spread:
                order.site = match.parts[0].offer.site
            starts = {self.leases[number].start_min for number in order.leases}
            assert len(starts) == 1, "the leases of an order begin together"
        missing = order.gpus - order.filled
        if not order.rests or missing == 0:
            self.return_escrow(order.escrow, order.escrow.total())
            order.state = "filled" if missing == 0 else "partly_filled"
            order.end_reason = "filled" if missing == 0 else "rest_cancelled_at_once"
            return
        needed = self.rest_cost(order, missing)
        self.return_escrow(order.escrow, order.escrow.total() - needed)

    def settle_start(self, order, match):
        """An order is one job: what it misses starts with its first leases."""
        order.wish = copy.copy(order.wish)
        order.wish.from_min = order.wish.until_min = match.start_min

    def rest_wish(self, order):
        wish = copy.copy(order.wish)
        wish.gpus = order.gpus - order.filled
        wish.gpus_min = min(wish.gpus_min, wish.gpus)
        wish.from_min = max(wish.from_min, self.now_min())
        wish.site = order.site
        wish.place = order.place
        wish.series = [row[1] for row in order.escrow.rows]
        return wish

    def order_ends_s(self, order):
        """When a resting order ends by itself, and why."""
        ends = [(order.rest_until_s, "expired"), ((order.wish.until_min + 1) * MINUTE, "expired")]
        for _, series, amount in order.escrow.rows:
            if self.series[series].expires_s:
                ends.append((self.series[series].expires_s, "series_expired"))
        return min(ends, key=lambda end: end[0])

    def end_order(self, order, reason):
        order.state = "partly_filled" if order.filled else "unfilled"
        order.end_reason = reason
        self.return_escrow(order.escrow, order.escrow.total())

    def own_order(self, account, number):
        refuse(number not in self.orders, "order_not_found")
        order = self.orders[number]
        refuse(order.account != account, "not_owner")
        refuse(order.state != "resting" or self.now_s >= self.order_ends_s(order)[0],
               "order_closed")
        return order

    def order_cancel(self, account, op):
        order = self.own_order(account, op["order"])
        before = order.escrow.total()
        tokens = sum(self.books.of(account, s, "tokens") for s in self.series)
        self.end_order(order, "cancelled_by_holder")
        after = sum(self.books.of(account, s, "tokens") for s in self.series)
        assert after - tokens == before, "cancel gives back everything not spent"
        return {"object": order.order}

    def order_amend(self, account, op):
        def check():
            order = self.own_order(account, op["order"])
            new = copy.copy(order)
            new.wish = copy.copy(order.wish)
            new.gpus = op.get("gpus", 0) or order.gpus
            limits = {s["sku"]: s["limit_price_ucr"] for s in op.get("skus", [])}
            refuse(limits and set(limits) != set(order.wish.skus), "malformed")
            refuse(new.gpus < order.wish.block, "malformed")
            refuse(new.gpus % order.wish.block, "block_invalid")
            refuse(new.gpus < order.filled, "below_sold")
            new.wish.skus = {sku: limits.get(sku, limit) for sku, limit in order.wish.skus.items()}
            new.rest_until_s = op.get("rest_until_s", 0) or order.rest_until_s
            refuse(new.rest_until_s <= self.now_s, "interval_in_past")
            return order, new

        funds, (order, new) = first_refusal(lambda: self.take_tokens(account, op), check)
        younger = new.gpus > order.gpus or new.wish.skus != order.wish.skus
        escrow = copy.deepcopy(order.escrow)
        for owner, series, amount in funds.rows:
            escrow.add(owner, series, amount)
        new.escrow = escrow
        if younger:
            new.place = self.steps + 1
        wish = self.rest_wish(new)
        if wish.gpus:
            self.check_payers(funds, wish)
        match = matching.find(self, wish) if wish.gpus else matching.Match()
        self.check_search(wish, match)
        if not matching.enough(wish, match):
            match = matching.Match()
        cost = sum(self.part_cost(wish, part) for part in match.parts)
        missing = new.gpus - new.filled - match.gpus
        refuse(cost + self.rest_cost(new, missing) > escrow.total(), "insufficient_funds")
        self.spend_tokens(op)
        order.__dict__.update(new.__dict__)
        if younger:
            order.place = self.next_place()
        self.settle_fill(order, match)
        if match.parts:
            self.fill_on(order)
        return {"object": order.order}

    # --- Asking -----------------------------------------------------------------------------

    def waits(self, offer):
        return any(offer.sku in order.wish.skus and order.wish.skus[offer.sku] >= offer.price
                   for order in self.resting())

    def is_asking(self, offer):
        return offer.state == "open" and (
            offer.asking or (offer.site in self.asking_sites and self.waits(offer)))

    def ask_about(self, offer):
        if offer.state == "open" and offer.site not in self.asking_sites and self.waits(offer):
            if not offer.asking:
                offer.ask_s = self.now_s
            offer.asking = True
            self.join_turns(offer.seller)

    def ask_about_site(self, site):
        """Until the operator's turn comes its offers are asking, as far as anybody waits."""
        if self.resting() and any(offer.site == site for offer in self.open_offers()):
            self.asking_sites[site] = self.now_s
            self.join_turns(self.sites[site].operator)

    def join_turns(self, seller):
        if seller not in self.turns:
            self.turns.append(seller)

    def all_to_ask(self, seller):
        for site, since_s in self.asking_sites.items():
            if self.sites[site].operator == seller:
                yield since_s, (0, site)
        for offer in self.open_offers():
            if offer.asking and offer.seller == seller:
                yield offer.ask_s, (1, offer.offer)

    def first_to_ask(self):
        """What falls due of the seller whose turn it is: a site, an offer, or nothing any more."""
        first = min(self.all_to_ask(self.turns[0]), default=(0, (2, 0)))
        return first[1], self.turns[0]

    def take_turn(self, kind, number, seller):
        """The seller of whom more is to be asked about stands last then."""
        if kind == 0:
            del self.asking_sites[number]
            for offer in self.open_offers():
                if offer.site == number:
                    self.ask_about(offer)
        elif kind == 1 and self.offers[number].site in self.asking_sites:
            self.offers[number].asking = False
        elif kind == 1:
            self.ask(self.offers[number])
        self.turns.remove(seller)
        if any(True for _ in self.all_to_ask(seller)):
            self.turns.append(seller)

    def ask(self, offer):
        """Shows the offer to all resting orders, the highest limit first, then the oldest."""
        self.asked = offer
        orders = [o for o in self.resting()
                  if o.wish.skus.get(offer.sku, -1) >= offer.price]
        orders.sort(key=lambda o: turn(o, offer))
        for order in orders:
            if offer.earliest(self, self.now_min(), offer.end_min, offer.lease_min_min,
                              offer.block) is None:
                break
            if self.might_want(order, offer):
                self.try_fill(order, offer)
        offer.asking = False
        self.asked = None

    def more(self, order, offer=None):
        """What a resting order would get now, or None; with the offer that it is asked about."""
        if order.state != "resting" or self.accounts[order.account].frozen:
            return None
        if self.now_s >= self.order_ends_s(order)[0]:
            return None
        wish = self.rest_wish(order)
        if offer is not None and not wish.spread:
            if wish.site not in (0, offer.site):
                return None
            wish.site = offer.site
        match = matching.find(self, wish)
        self.check_search(wish, match)
        return match if matching.enough(wish, match) else None

    def might_want(self, order, offer):
        """Whether the offer's SKU, site and time would do for the order, its terms apart."""
        if order.state != "resting":
            return False
        wish = self.rest_wish(order)
        site = self.sites[offer.site]
        left = offer.end_min - max(offer.start_min, self.now_min())
        return (wish.from_min <= offer.end_min and wish.until_min >= offer.start_min and
                wish.duration_min <= left and
                wish.interconnect in ("", self.skus[offer.sku].interconnect) and
                matching.site_counts(self, wish, site) and
                not self.accounts[offer.operator].frozen and
                all(matching.series_allow(self, n, offer.sku, site.region, wish.profile)
                    for n in wish.series))

    def try_fill(self, order, offer=None):
        while (match := self.more(order, offer)) is not None:
            self.steps += 1
            self.settle_fill(order, match)

    def fill_on(self, order):
        """An order that got something as it came is filled on, at that start; what it could get
        beyond FILLS_AT_ONCE it is asked about."""
        for _ in range(FILLS_AT_ONCE):
            match = self.more(order)
            if match is None:
                return
            self.steps += 1
            self.settle_fill(order, match)
        while (match := self.more(order)) is not None:
            for part in match.parts:
                self.ask_about(part.offer)
