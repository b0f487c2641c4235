"""The part of the model that is about occupancy: what is sold, elected and free at each minute of a
SKU at a site, written down minute by minute as time passes, as it stands at the minute's end."""
from books import MINUTE
from things import leased_minutes, lower

DAY_MIN = 1440


class Occupancy:
    def pass_until(self, time_s):
        """Writes down the minutes that are over by then."""
        end = time_s // MINUTE
        if end <= self.noted_min:
            return
        first, self.noted_min = self.noted_min, end
        self.noted_offers = [offer for offer in self.noted_offers
                             if offer.state == "open" or offer.end_min > first]
        for offer in self.noted_offers:
            self.note_listing(offer, first)
            until = self.listed_until(offer)
            for minute in range(max(first, offer.start_min), min(end, offer.end_min)):
                gpus = self.worst_of(offer, minute)[0] if minute < until else 0
                self.listed.setdefault(minute // DAY_MIN, {}).setdefault(offer.offer, []).append(
                    (minute, gpus))
        for contract in self.in_force("backstop"):
            self.note_backstop(contract, first, end)
        for offer in self.noted_offers:
            offer.over = offer.over or self.listed_until(offer) < end

    def note_listing(self, offer, minute):
        """How an offer stands from a minute on: the GPUs that are listed, and their price."""
        now = (self.listed_gpus(offer), offer.price)
        for since, stands in ((minute, self.worst_of(offer, minute)), (minute + 1, now)):
            if not offer.history or offer.history[-1][1:] != stands:
                offer.history.append((since, *stands))

    def listed_until(self, offer):
        """Until when a lease of the offer's least length can begin in the minute before. Once a
        minute has passed in which none can, the offer is not listed any more, whatever its end."""
        if offer.over:
            return 0
        moves = offer.standing_min and (not offer.until_s or offer.end_min * MINUTE < offer.until_s)
        return offer.end_min + 1 - (1 if moves else max(offer.lease_min_min, 1))

    def worst_of(self, offer, minute):
        """In a minute in which it is amended an offer counts as the worst that stood in it."""
        gpus, price = self.listed_gpus(offer), offer.price
        if offer.worst and offer.worst[0] == minute:
            gpus, price = min(gpus, offer.worst[1]), max(price, offer.worst[2])
        return gpus, price

    def listed_gpus(self, offer):
        """One that has ended was listed up to its end."""
        return offer.gpus if offer.state != "withdrawn" else 0

    def add_up_day(self, day):
        """What was listed of a day that is over, as leases stand now. In a minute in which an offer
        had fewer GPUs for a while more may be leased of it than counts as listed."""
        free = {}
        for number, minutes in self.listed.pop(day, {}).items():
            offer = self.offers[number]
            taken, elected = self.taken(offer), self.elected(offer)
            sums = self.days.setdefault((offer.site, offer.sku, day), [0, 0])
            for minute, listed in minutes:
                at = minute - offer.start_min
                held = taken[at] if at < len(taken) else 0
                sums[0] += held - (elected[at] if held else 0)
                key = offer.site, offer.sku, minute
                free[key] = free.get(key, 0) + (listed - held if listed else 0)
        for (site, sku, _), gpus in free.items():
            self.days[site, sku, day][1] += max(gpus, 0)
        self.day_added = day + 1

    # --- Of an offer ------------------------------------------------------------------------

    def taken(self, offer):
        """What all leases take of it at each of its minutes."""
        if offer.noted is None or offer.noted[0] is not offer.free_array(self):
            elected = [0] * (offer.end_min - offer.start_min)
            for lease in self.leases_of_offer.get(offer.offer, ()):
                if lease.elected:
                    lower(elected, offer.start_min, lease.start_min, lease.end_min, -lease.gpus)
                    for relief in lease.reliefs:
                        if relief.kind == "sale":
                            lower(elected, offer.start_min, relief.start_min,
                                  min(relief.counts_min, lease.end_min), relief.gpus)
            offer.noted = offer.free_array(self), leased_minutes(self, offer), elected
        return offer.noted[1]

    def elected(self, offer):
        self.taken(offer)
        return offer.noted[2]

    def stood(self, offer, minute, price_max, ahead_min):
        """The GPUs that have been listed at that price or less for so long before the minute."""
        least = offer.gpus
        until = minute + 1
        for since, gpus, price in reversed(offer.history):
            if since < until:  # what stood for no minute does not count
                least = min(least, gpus if price <= price_max else 0)
            until = min(until, since)
            if since <= minute - ahead_min:
                return least
        return 0

    # --- Of a SKU at a site -----------------------------------------------------------------

    def withhold(self, lease, end):
        """The operator ends a lease: what it would have had from then on, but for what was sold."""
        withheld = self.withheld.setdefault((lease.site, lease.sku), {})
        for minute in range(end, lease.end_min):
            withheld[minute] = withheld.get(minute, 0) + lease.unsold_at(minute)

    def withheld_at(self, site, sku, minute):
        return self.withheld.get((site, sku), {}).get(minute, 0)

    def own_offers(self, site, sku):
        return [o for o in self.noted_offers if o.site == site and o.sku == sku]

    def site_closed(self, site, minute):
        return any(c.site == site and c.start_min <= minute < c.end_min
                   for c in self.closures.values())

    def utilisation(self, operator, site, first_day, end_day):
        """Parts per million of what was sold or free over whole days."""
        sold = free = 0
        for (of_site, _, day), (day_sold, day_free) in self.days.items():
            mine = of_site == site or not site and self.sites[of_site].operator == operator
            if mine and first_day <= day < end_day:
                sold += day_sold
                free += day_free
        return sold * 1000000 // (sold + free) if sold + free else 0
