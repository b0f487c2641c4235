"""The part of the model that is about leases: grants, metering, settlement, ends, resale; and the
passing of time."""
import copy

import matching
from books import (DISPUTE_WINDOW_S, METER_GRACE_S, MINUTE, STANDING_STEP_S, ceil_div, cost_of,
                   first_refusal, minute_ceil, refuse, split)
from things import Lease, Offer, Thing

# In the order in which what is due at the same second is worked off.
(DUE_SERIES, DUE_LEASE, DUE_PERIOD, DUE_OFFER, DUE_PAUSE, DUE_ORDER, DUE_ASK, DUE_RULE,
 DUE_CONTRACT, DUE_DAY, DUE_PROPOSAL, DUE_CLAIMS) = range(2, 14)
SEARCH_STARTS_MAX = 400  # wider windows are not searched fully


def resale_price_agrees(lease, price):
    """Nobody gives away what he has paid for in part only, or for nothing."""
    return price >= lease.price if lease.elastic else price > 0 or lease.price == 0


class Leases:
    # --- Properties of every match ----------------------------------------------------------

    def check_search(self, wish, match):
        for part in match.parts:
            offer = part.offer
            assert part.price <= wish.skus[offer.sku], "no order pays above its limit"
            assert part.price >= offer.price, "no offer sells below its price"
            free = offer.free_over(self, match.start_min, wish.duration_min)
            assert part.gpus <= free, "no GPU-minute is sold twice"
        if wish.spread or wish.until_min - wish.from_min > SEARCH_STARTS_MAX:
            return
        counting = [o for o in self.offers.values() if matching.counts(self, wish, o)]
        if any(matching.unit_of(wish, o) > 1 for o in counting):
            return
        most = matching.feasible_somewhere(self, wish)
        assert match.gpus == min(most, wish.gpus), \
            f"{match.gpus} GPUs found where {min(most, wish.gpus)} are feasible"

    # --- Grants -----------------------------------------------------------------------------

    def grant(self, order, match, part, cost, pays):
        """A new lease, paid by rows of escrow that the order has put down."""
        offer = part.offer
        wish = order.wish
        number = len(self.leases) + 1
        lease = Lease(lease=number, order=order.order, offer=offer.offer, site=offer.site,
                      sku=offer.sku, holder=order.account, operator=offer.operator,
                      gpus=part.gpus, start_min=match.start_min,
                      end_min=match.start_min + wish.duration_min, price=part.price,
                      granted_s=self.now_s, preemptible=offer.preemptible,
                      meter_period_min=offer.meter_period_min, billing=offer.billing,
                      least_charge_ppm=offer.least_charge_ppm, elastic=bool(wish.funded_min),
                      funded_min=wish.funded_min,
                      bought=part.price, bought_of=offer.offer,
                      granted_end_min=match.start_min + wish.duration_min)
        self.leases[number] = lease
        order.leases.append(number)
        self.sites[offer.site].granted += 1
        if offer.lease:
            self.novate(lease, offer, pays)
        else:
            for owner, series, amount in pays:
                lease.escrow.add(owner, series, amount)
        self.leases_of_offer.setdefault(lease.offer, []).append(lease)
        self.offers[lease.offer].changed()
        offer.changed()
        return lease

    def parting(self, seller, minutes):
        """What a lease's escrow no longer needs when GPU-minutes of it are sold, by row, and what
        of that belongs to earlier sellers."""
        left = cost_of(seller.delivered + seller.due() - minutes - seller.settled_due,
                       seller.price) - seller.paid
        freed = max(seller.escrow.total() - left, 0)
        parts = split(freed, [row[2] for row in seller.escrow.rows])
        others = sum(part for row, part in zip(seller.escrow.rows, parts)
                     if row[0] != seller.holder)
        return parts, others

    def novate(self, lease, offer, pays):
        """The new lease takes the place of a part of the one on offer. The buyer's credits take
        that of the seller's, earlier sellers' move on, and what is missing the seller leaves."""
        seller = self.leases[offer.lease]
        lease.offer, lease.price, lease.parent = seller.offer, seller.price, seller.lease
        lease.elastic, lease.elected = False, seller.elected
        minutes = lease.gpus * (lease.end_min - lease.start_min)
        worth = cost_of(minutes, seller.price)
        parts, others = self.parting(seller, minutes)
        paid = sum(row[2] for row in pays)
        gain = paid - min(paid, max(worth - others, 0))
        gains = split(gain, [row[2] for row in pays])
        for (owner, series, amount), part in zip(pays, gains):
            if amount > part:
                lease.escrow.add(owner, series, amount - part)
            self.give_over(owner, seller.holder, series, part)
        self.flow_of_lease("resale", lease, lease.holder, seller.holder,
                           [(row[1], part) for row, part in zip(pays, gains)])
        own = [part if row[0] == seller.holder else 0
               for row, part in zip(seller.escrow.rows, parts)]
        tops = split(worth - others - lease.escrow.total(), own)
        for row, part, top in zip(seller.escrow.rows, parts, tops):
            moves = top if row[0] == seller.holder else part
            row[2] -= part
            if moves:
                lease.escrow.add(row[0], row[1], moves)
            self.give_back(row[0], row[1], part - moves)
            seller.refunded += part - moves
        assert lease.escrow.total() == worth, "a sold lease is worth what it was before"
        seller.reliefs.append(Thing(kind="sale", start_min=lease.start_min, end_min=lease.end_min,
                                    counts_min=lease.end_min, gpus=lease.gpus, sold=lease.lease,
                                    offer=offer.offer))
        self.sold_tail(seller)

    def give_over(self, source, target, series, amount):
        """The seller's gain: from the buyer's escrow to tokens of the seller."""
        if amount:
            self.books.move(series, (source, "escrow"), (target, "escrow"), amount)
            self.give_back(target, series, amount)

    def sold_tail(self, seller):
        """Where all that is left was sold, the seller's lease ends where that begins, though not
        in a period that is over."""
        end = seller.end_min
        over = seller.start_min
        while seller.activated_s and (over + seller.meter_period_min) * 60 <= self.now_s:
            over += seller.meter_period_min
        while end > over and seller.unsold_at(end - 1) == 0:
            end -= 1
        if end < seller.end_min:
            seller.end_min = end
            for sale in seller.reliefs:  # it may be extended again
                sale.counts_min = min(sale.counts_min, end)
            if end <= minute_ceil(self.now_s) and seller.end_reason == "not_yet":
                seller.end_reason = "sold"
            self.close_if_settled(seller)
        if seller.end_reason == "sold" or not seller.live():
            self.resale_close(seller)

    # --- Settlement -------------------------------------------------------------------------

    def refund(self, lease):
        """Gives back what can no longer be earned."""
        excess = lease.escrow.total() - lease.needed()
        if excess > 0:
            self.return_escrow(lease.escrow, excess)
            lease.refunded += excess

    def close_if_settled(self, lease):
        if lease.live() and lease.periods_settled >= lease.period_count():
            lease.state = "settled"
            if lease.end_reason == "not_yet":
                lease.end_reason = "completed"

    def settle_period(self, lease, period, delivered):
        row = lease.periods[period]
        row.state, row.settled = "settled", delivered
        site = self.sites[lease.site]
        site.due += row.due
        site.delivered += delivered
        lease.settled_due += row.due
        lease.delivered += delivered
        lease.periods_settled += 1
        earned = cost_of(lease.delivered, lease.price) - lease.paid
        paid = lease.escrow.take(earned)
        for owner, series, amount in paid:
            self.books.move(series, (owner, "escrow"), (lease.operator, "balance"), amount)
        lease.paid += earned
        self.close_if_settled(lease)
        self.refund(lease)
        if not lease.live():
            assert lease.escrow.total() == 0
        self.lift_pause(lease)
        self.follow_earning(lease, period, paid, delivered)

    def available(self, lease, period):
        """What is due of a period but in the minutes of outages."""
        start, end = lease.period_bounds(period)
        if not any(c.site == lease.site and c.kind == "outage" for c in self.closures.values()):
            return lease.due_minutes(start, end)
        return sum(lease.due_minutes(minute, minute + 1) for minute in range(start, end)
                   if not self.outage_minutes(lease.site, minute, minute + 1))

    def charged(self, lease, period, metered):
        """Of metered offers with a least charge: at least that part of what was available."""
        least = ceil_div(self.available(lease, period) * lease.least_charge_ppm, 1000000)
        return max(metered, least)

    # --- Operations -------------------------------------------------------------------------

    def known_lease(self, number):
        refuse(number not in self.leases, "lease_not_found")
        return self.leases[number]

    def lease_activate(self, account, op):
        lease = self.known_lease(op["lease"])
        refuse(lease.operator != account, "not_owner")
        state = lease.state_now(self.now_s)
        refuse(state == "failed", "activation_too_late")
        refuse(state != "granted", "lease_not_granted")
        refuse(self.now_s >= lease.ends_s(self.now_s), "lease_closed")
        lease.state, lease.activated_s = "active", self.now_s

    def known_period(self, lease, op):
        refuse(not lease.activated_s, "lease_not_active")
        refuse(op["period"] >= lease.period_count(), "period_not_found")

    def lease_meter(self, account, op):
        lease = self.known_lease(op["lease"])
        refuse(lease.operator != account, "not_owner")
        self.known_period(lease, op)
        period = op["period"]
        start, end = lease.period_bounds(period)
        waits = lease.paused_s and start * MINUTE >= lease.paused_s
        refuse(waits or self.now_s < end * MINUTE, "period_not_over")
        refuse(self.now_s >= end * MINUTE + METER_GRACE_S, "meter_too_late")
        refuse(period in lease.periods, "already_metered")
        refuse(op["gpu_minutes"] > self.available(lease, period), "meter_too_large")
        lease.paused_s = lease.paused_since_s(self.now_s)
        lease.periods[period] = Thing(state="metered", metered_s=self.now_s,
                                      due=lease.due_minutes(start, end),
                                      metered=op["gpu_minutes"], settled=0,
                                      charged=self.charged(lease, period, op["gpu_minutes"]))
        self.lift_pause(lease)

    def disputable(self, row):
        """The holder disputes what would be charged, which may be more than was metered."""
        return row.charged

    def lease_dispute(self, account, op):
        lease = self.known_lease(op["lease"])
        refuse(lease.holder != account, "not_owner")
        self.known_period(lease, op)
        row = lease.periods.get(op["period"])
        refuse(row is None or not row.metered_s, "not_metered")
        refuse(self.now_s >= row.metered_s + DISPUTE_WINDOW_S, "dispute_too_late")
        refuse(row.state != "metered", "already_disputed")
        refuse(op["gpu_minutes"] >= self.disputable(row), "claim_too_large")
        row.state = "disputed"

    def dispute_decide(self, account, op):
        lease = self.known_lease(op["lease"])
        self.known_period(lease, op)
        start, end = lease.period_bounds(op["period"])
        row = lease.periods.get(op["period"])
        disputed = row is not None and row.state == "disputed"
        most = row.charged if lease.elastic and disputed else lease.due_minutes(start, end)
        refuse(op["gpu_minutes"] > most, "meter_too_large")
        refuse(not disputed, "not_disputed")
        lease.paused_s = lease.paused_since_s(self.now_s)
        self.settle_period(lease, op["period"], op["gpu_minutes"])

    def early_end(self, lease, holder):
        offer = self.offers[lease.offer]
        now = minute_ceil(self.now_s)
        since_s = lease.paused_since_s(self.now_s)
        if since_s:
            return since_s // MINUTE
        if holder:
            return max(now, lease.start_min + offer.lease_min_min)
        if self.now_s < lease.start_min * MINUTE:
            return lease.start_min
        return now + offer.notice_min

    def lease_end(self, account, op):
        lease = self.known_lease(op["lease"])
        holder = lease.holder == account
        refuse(not holder and lease.operator != account, "not_owner")
        refuse(not holder and not lease.preemptible, "not_preemptible")
        state = lease.state_now(self.now_s)
        refuse(state not in ("granted", "active", "paused"), "lease_closed")
        refuse(self.now_s >= lease.ends_s(self.now_s), "lease_closed")
        committed = lease.elected or self.orders[lease.order].wish.profile == "training"
        refuse(holder and committed, "lease_committed")
        end = self.early_end(lease, holder)
        refuse(end >= lease.end_min, "lease_ending")
        lease.end_reason = "ended_by_holder" if holder else "ended_by_operator"
        if not holder:
            self.sites[lease.site].ended_by_operator += 1
            self.withhold(lease, end)
        self.shorten(lease, end)

    def shorten(self, lease, end):
        lease.end_min = end
        lease.paused_s = 0
        self.close_if_settled(lease)
        self.refund(lease)
        self.resale_close(lease)
        self.capacity_changed(lease.site)
        self.ask_about(self.offers[lease.offer])

    def resale_close(self, lease):
        if lease.resale_offer:
            self.close_offer(self.offers[lease.resale_offer], "withdrawn")
            lease.resale_offer = 0

    def fail(self, lease):
        site = self.sites[lease.site]
        site.due += lease.due()
        site.failed += 1
        end = min(lease.end_min, minute_ceil(lease.activate_by_s()))
        self.withhold(lease, end)
        lease.end_min = end
        lease.state, lease.end_reason = "failed", "not_activated"
        lease.paused_s = 0
        self.refund(lease)
        self.resale_close(lease)
        self.capacity_changed(lease.site)
        self.ask_about(self.offers[lease.offer])

    def lease_resell(self, account, op):
        lease = self.known_lease(op["lease"])
        refuse(lease.holder != account, "not_owner")
        state = lease.state_now(self.now_s)
        refuse(state == "paused", "lease_not_active")
        refuse(state not in ("granted", "active"), "lease_closed")
        refuse(self.now_s >= lease.end_min * MINUTE, "lease_closed")
        now = minute_ceil(self.now_s)
        start_s, end_s = op.get("start_s", 0), op.get("end_s", 0)
        refuse(start_s % 60 or end_s % 60, "interval_invalid")
        start = start_s // 60 if start_s else max(now, lease.start_min)
        end = end_s // 60 if end_s else lease.end_min
        refuse(start >= end or start < lease.start_min or end > lease.end_min, "interval_invalid")
        refuse(start < now, "interval_in_past")
        refuse(op["gpus"] % op["block_gpus"], "block_invalid")
        refuse(op["lease_min_min"] > end - start, "terms_invalid")
        refuse(not resale_price_agrees(lease, op["price_ucr"]), "terms_invalid")
        refuse(op["gpus"] > lease.unsold(start, end), "below_sold")
        refuse(lease.resale_offer, "resale_open")
        base = self.offers[lease.offer]
        number = len(self.offers) + 1
        offer = Offer(offer=number, site=lease.site, sku=lease.sku, gpus=op["gpus"],
                      block=op["block_gpus"], start_min=start, end_min=end, price=op["price_ucr"],
                      preemptible=lease.preemptible, notice_min=base.notice_min,
                      lease_min_min=op["lease_min_min"], lease_max_min=0, billing=lease.billing,
                      meter_period_min=lease.meter_period_min, lease=lease.lease,
                      least_charge_ppm=lease.least_charge_ppm, operator=lease.operator,
                      seller=account, place=self.next_place())
        self.offers[number] = offer
        lease.resale_offer = number
        self.ask_about(offer)
        return {"object": number}

    # --- Extending and funding --------------------------------------------------------------

    def take_deposit(self, account, op, lease):
        """Tokens for a lease that there is already."""
        funds = self.take_tokens(account, op)
        region = self.sites[lease.site].region
        profile = self.orders[lease.order].wish.profile
        refuse(not all(matching.series_allow(self, row[1], lease.sku, region, profile)
                       for row in funds.rows), "series_restricted")
        return funds

    def deposit(self, lease, op, funds, total):
        self.spend_tokens(op)
        for owner, series, amount in funds.take(total):
            lease.escrow.add(owner, series, amount)
        self.return_escrow(funds, funds.total())

    def lease_extend(self, account, op):
        lease = self.known_lease(op["lease"])
        refuse(lease.holder != account, "not_owner")
        funds, _ = first_refusal(lambda: self.take_deposit(account, op, lease),
                                 lambda: self.check_extension(lease, op))
        end = lease.end_min + op["duration_min"]
        whole = lease.due() + op["duration_min"] * lease.gpus
        most = cost_of(lease.delivered + whole - lease.settled_due, lease.price) - lease.paid
        room = max(most - lease.escrow.total(), 0)
        takes = min(funds.total(), room)
        refuse(not lease.elastic and takes < room, "insufficient_funds")
        if lease.elastic:
            longer = copy.copy(lease)
            longer.end_min = end
            period = (lease.end_min - 1 - lease.start_min) // lease.meter_period_min
            refuse(not longer.covered(period, 0, lease.escrow.total() + takes),
                   "insufficient_funds")
        self.deposit(lease, op, funds, takes)
        lease.end_min = end
        self.capacity_changed(lease.site)
        return {"object": lease.lease}

    def check_extension(self, lease, op):
        state = lease.state_now(self.now_s)
        refuse(state == "paused", "lease_not_active")
        refuse(state not in ("granted", "active"), "lease_closed")
        refuse(self.now_s >= lease.end_min * MINUTE, "lease_closed")
        refuse(lease.end_reason != "not_yet", "lease_ending")
        refuse(lease.elected, "lease_committed")
        offer = self.offers[lease.offer]
        refuse(offer.state != "open" or self.now_s >= offer.end_min * MINUTE, "offer_closed")
        refuse(lease.gpus % offer.block, "block_invalid")
        length = lease.end_min + op["duration_min"] - lease.start_min
        refuse(offer.lease_max_min and length > offer.lease_max_min, "terms_invalid")
        free = offer.free_over(self, lease.end_min, op["duration_min"])
        refuse(self.is_asking(offer) or self.accounts[lease.operator].frozen or free < lease.gpus,
               "no_capacity")
        refuse(offer.price > lease.price, "price_above_limit")

    def lease_fund(self, account, op):
        lease = self.known_lease(op["lease"])
        refuse(lease.holder != account, "not_owner")
        refuse(not op.get("tokens"), "malformed")
        funds, _ = first_refusal(lambda: self.take_deposit(account, op, lease),
                                 lambda: self.check_funding(lease))
        since_s = lease.paused_since_s(self.now_s)
        resume = minute_ceil(self.now_s)
        may_resume = since_s and resume < lease.end_min
        paused = lease.due_minutes(since_s // MINUTE, resume) if may_resume else 0
        room = max(lease.needed(paused) - lease.escrow.total(), 0)
        takes = min(funds.total(), room)
        period = max(resume - lease.start_min, 0) // lease.meter_period_min
        resumes = may_resume and lease.covered(period, paused, lease.escrow.total() + takes)
        refuse(takes == 0 and not resumes, "not_elastic")
        lease.paused_s = since_s
        self.deposit(lease, op, funds, takes)
        if resumes:
            self.resume(lease)
        return {"object": lease.lease}

    def resume(self, lease):
        since, resume = lease.paused_s // MINUTE, minute_ceil(self.now_s)
        lease.paused_s = 0
        lease.resumed_s = resume * MINUTE
        if since < resume:
            lease.reliefs.append(Thing(kind="pause", start_min=since, end_min=resume,
                                       counts_min=resume, gpus=lease.gpus, sold=0, offer=0))

    def lift_pause(self, lease):
        """A pause ends by itself once what was metered leaves enough for the present period."""
        resume = minute_ceil(self.now_s)
        if not lease.may_pause() or not lease.paused_s or resume >= lease.end_min or \
                self.now_s >= lease.pause_until_s(lease.paused_s):
            return
        paused = lease.due_minutes(lease.paused_s // MINUTE, resume)
        period = (resume - lease.start_min) // lease.meter_period_min
        if lease.covered(period, paused, lease.escrow.total()):
            self.resume(lease)

    def check_funding(self, lease):
        state = lease.state_now(self.now_s)
        refuse(state not in ("granted", "active", "paused") or
               self.now_s >= lease.ends_s(self.now_s), "lease_closed")
        refuse(not lease.elastic, "not_elastic")

    def pause(self, lease, due_s):
        if not lease.paused_s:
            lease.paused_s = due_s
            return
        end = lease.start_min if lease.state == "granted" else lease.paused_s // MINUTE
        lease.end_reason = "funds_ran_out"
        self.shorten(lease, end)

    # --- Time -------------------------------------------------------------------------------

    def dues(self):
        """Everything that is to happen by itself: (second, kind, number, part)."""
        for number, series in self.series.items():
            if series.expires_s and not series.swept:
                yield series.expires_s, DUE_SERIES, number, 0
        for number, lease in self.leases.items():
            if lease.state == "granted" and not lease.paused_s:
                yield lease.activate_by_s(), DUE_LEASE, number, 0
            elif lease.state == "active":
                period = lease.first_open_period()
                start, end = lease.period_bounds(period)
                waits = lease.paused_s and start * MINUTE >= lease.paused_s
                if period < lease.period_count() and not waits:
                    yield end * MINUTE + METER_GRACE_S, DUE_LEASE, number, period
            if lease.may_pause():
                since_s = lease.paused_s
                due_s = lease.pause_until_s(since_s) if since_s else lease.pause_foreseen_s()
                if due_s:
                    yield due_s, DUE_PAUSE, number, 0
            if lease.live():
                for period, row in lease.periods.items():
                    if row.state == "metered":
                        yield row.metered_s + DISPUTE_WINDOW_S, DUE_PERIOD, number, period
        for number, offer in self.offers.items():
            if offer.state == "open":
                yield self.offer_due_s(offer), DUE_OFFER, number, 0
        if self.turns:
            what, seller = self.first_to_ask()
            yield 0, DUE_ASK, what, seller  # before all else that is due
        for rule in self.rules.values():
            if rule.state == "active":
                yield rule.next_s, DUE_RULE, rule.rule, 0
        for order in self.resting():
            yield self.order_ends_s(order)[0], DUE_ORDER, order.order, 0
        for contract in self.contracts.values():
            if contract.state == "in_force":
                due_s = getattr(self, f"{contract.kind}_due_s")(contract)
                if due_s:
                    yield due_s, DUE_CONTRACT, contract.contract, 0
            if contract.paying_s:
                yield contract.paying_s, DUE_CLAIMS, contract.contract, 0
        yield (self.day_added + 1) * 86400, DUE_DAY, self.day_added, 0
        for number, proposal in self.proposals.items():
            if proposal.state == "open":
                yield proposal.until_s, DUE_PROPOSAL, number, 0

    def offer_moves(self, offer):
        return offer.standing_min and (not offer.until_s or offer.end_min * MINUTE < offer.until_s)

    def offer_due_s(self, offer):
        """A standing offer's end is right up to the second at which it lies as far ahead as it
        must."""
        end_s = offer.end_min * MINUTE
        return end_s - offer.standing_min * MINUTE + 1 if self.offer_moves(offer) else end_s

    def tick(self, seconds, late=False):
        """Lets time pass and works off what falls due, each thing at its second, or late."""
        target = self.now_s + seconds
        if late:
            self.tick(0)
            self.now_s = target
        while True:
            due = min(self.dues(), default=None)
            if due is None or max(due[0], self.now_s) > target:
                break
            self.pass_until(due[0])
            self.now_s = max(self.now_s, due[0])
            self.work_off(*due)
        self.pass_until(target)
        self.now_s = target

    def work_off(self, due_s, kind, number, part):
        self.steps += 1
        if kind == DUE_SERIES:
            self.sweep(number)
        elif kind == DUE_LEASE and self.leases[number].state == "granted":
            self.fail(self.leases[number])
        elif kind == DUE_LEASE:
            lease = self.leases[number]
            due = lease.due_minutes(*lease.period_bounds(part))
            lease.periods[part] = Thing(state="missed", metered_s=0, due=due, metered=0, settled=0)
            self.settle_period(lease, part, 0)
        elif kind == DUE_PERIOD:
            lease = self.leases[number]
            self.settle_period(lease, part, self.charged(lease, part, lease.periods[part].metered))
        elif kind == DUE_OFFER:
            self.offer_due(self.offers[number])
        elif kind == DUE_PAUSE:
            self.pause(self.leases[number], due_s)
        elif kind == DUE_ORDER:
            order = self.orders[number]
            self.end_order(order, self.order_ends_s(order)[1])
        elif kind == DUE_RULE:
            self.rule_due(self.rules[number])
        elif kind == DUE_ASK:
            self.take_turn(*number, part)
        elif kind == DUE_CONTRACT:
            contract = self.contracts[number]
            getattr(self, f"{contract.kind}_due")(contract)
        elif kind == DUE_CLAIMS:
            self.pay_claims(self.contracts[number])
            if self.contracts[number].paying_s:
                self.contracts[number].paying_s = self.now_s
        elif kind == DUE_DAY:
            self.add_up_day(number)
        elif kind == DUE_PROPOSAL:
            self.proposal_due(self.proposals[number])

    def sweep(self, number):
        series = self.series[number]
        series.swept = True
        for (account, of, kind), amount in list(self.books.held.items()):
            if of == number and kind == "tokens" and amount:
                self.books.move(number, (account, "tokens"), (series.expired_to, "expired"),
                                amount)

    def offer_due(self, offer):
        if not self.offer_moves(offer) or self.now_s >= offer.end_min * MINUTE:
            self.close_offer(offer, "ended")
            return
        before = offer.end_min
        target = self.standing_end(offer.standing_min, offer.until_s) // 60
        watts = offer.gpus * self.skus[offer.sku].power_w
        while offer.end_min < target:
            following = min(offer.end_min + STANDING_STEP_S // 60, target)
            if not self.has_power(offer.site, offer.end_min, following, watts):
                offer.standing_min = 0
                break
            offer.end_min = following
        offer.changed()
        if offer.end_min > before:
            self.ask_about(offer)
