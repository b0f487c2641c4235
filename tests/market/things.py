"""The things of the market, as plain records, and where their GPUs are at each minute."""
from books import ACTIVATION_GRACE_S, ELASTIC_GRACE_S, MINUTE, Escrow, cost_of, ceil_div


class Thing:
    def __init__(self, **fields):
        self.__dict__.update(fields)


class Offer(Thing):
    """Free GPUs are kept as one number a minute and worked out anew after every change."""
    state = "open"
    asking = False
    ask_s = 0
    lease = 0
    standing_min = 0
    until_s = 0
    noted = None  # what leases take of it, and elected ones
    _free = None

    def __init__(self, **fields):
        super().__init__(**fields)
        self.history = []  # (minute, GPUs listed, price): how it stood from then on
        self.over = False  # nobody could have it any more for a whole minute
        self.worst = None  # the same of a minute in which it was amended: the worst of it

    def amended(self, now_s):
        """Before it is: but for a minute's first second, it has stood so in that minute, too."""
        minute = now_s // MINUTE
        if now_s % MINUTE == 0:
            self.worst = None
            return
        gpus, price = self.gpus, self.price
        if self.worst and self.worst[0] == minute:
            gpus, price = min(gpus, self.worst[1]), max(price, self.worst[2])
        self.worst = (minute, gpus, price)

    def changed(self):
        self._free = None

    def free_array(self, model):
        if self._free is None:
            self._free = free_minutes(model, self)
        return self._free

    def free_at(self, model, minute):
        inside = self.start_min <= minute < self.end_min
        return self.free_array(model)[minute - self.start_min] if inside else 0

    def free_over(self, model, start, duration):
        if start < self.start_min or start + duration > self.end_min:
            return 0
        at = start - self.start_min
        return min(self.free_array(model)[at:at + duration])

    def earliest(self, model, first, last, duration, unit):
        """The first start of [first, last] at which a unit is free throughout, or None."""
        free = self.free_array(model)
        run = 0
        for minute in range(max(first, self.start_min), min(last + duration, self.end_min)):
            run = run + 1 if free[minute - self.start_min] >= unit else 0
            if run >= duration:
                return minute - duration + 1
        return None

    def rises(self, model, first, last):
        """The minutes of (first, last] at which free GPUs rise."""
        free = self.free_array(model)
        found = []
        for minute in range(max(first + 1, self.start_min), min(last + 1, self.end_min)):
            at = minute - self.start_min
            if free[at] > (free[at - 1] if at else 0):
                found.append(minute)
        return found


def lower(array, base, start, end, gpus):
    a, b = max(start - base, 0), min(end - base, len(array))
    if a < b:
        array[a:b] = [value - gpus for value in array[a:b]]


def leased_minutes(model, offer):
    """GPUs that leases take of an offer at each of its minutes."""
    taken = [0] * (offer.end_min - offer.start_min)
    if offer.lease:
        for relief in model.leases[offer.lease].reliefs:
            if relief.offer == offer.offer:
                lower(taken, offer.start_min, relief.start_min, relief.end_min, -relief.gpus)
        return taken
    for lease in model.leases_of_offer.get(offer.offer, ()):
        lower(taken, offer.start_min, lease.start_min, lease.end_min, -lease.gpus)
        for relief in lease.reliefs:
            if relief.kind == "sale":
                lower(taken, offer.start_min, relief.start_min,
                      min(relief.counts_min, lease.end_min), relief.gpus)
    return taken


def free_minutes(model, offer):
    free = [max(offer.gpus - taken, 0) for taken in leased_minutes(model, offer)]
    for closure in model.closures.values():
        if closure.site == offer.site:
            a = max(closure.start_min - offer.start_min, 0)
            b = min(closure.end_min - offer.start_min, len(free))
            if a < b:
                free[a:b] = [0] * (b - a)
    return free


class Lease(Thing):
    state = "granted"
    end_reason = "not_yet"
    activated_s = 0
    parent = 0
    resale_offer = 0
    paid = 0
    refunded = 0
    settled_due = 0
    delivered = 0
    periods_settled = 0
    paused_s = 0
    resumed_s = 0
    elastic = False
    elected = False
    funded_min = 0

    def __init__(self, **fields):
        super().__init__(**fields)
        self.reliefs = []
        self.periods = {}
        self.escrow = Escrow()

    def due_minutes(self, start, end):
        """GPU-minutes owed of [start, end)."""
        start, end = max(start, self.start_min), min(end, self.end_min)
        if not self.reliefs:
            return max(end - start, 0) * self.gpus
        return sum(self.unsold_at(minute) for minute in range(start, end)
                   if not self.paused_at(minute))

    def paused_at(self, minute):
        return any(r.kind == "pause" and r.start_min <= minute < r.end_min for r in self.reliefs)

    def due(self):
        return self.due_minutes(self.start_min, self.end_min)

    def unsold(self, start, end):
        """The least GPUs not sold over [start, end)."""
        return min((self.unsold_at(minute) for minute in range(start, end)), default=0)

    def unsold_at(self, minute):
        return self.gpus - sum(r.gpus for r in self.reliefs if r.kind == "sale" and
                               r.start_min <= minute < r.counts_min)

    def period_count(self):
        return ceil_div(self.end_min - self.start_min, self.meter_period_min)

    def period_bounds(self, period):
        start = self.start_min + period * self.meter_period_min
        return start, min(start + self.meter_period_min, self.end_min)

    def activate_by_s(self):
        return max(self.granted_s, self.start_min * MINUTE, self.resumed_s) + ACTIVATION_GRACE_S

    def first_open_period(self):
        period = 0
        while period in self.periods:
            period += 1
        return period

    def live(self):
        return self.state not in ("settled", "failed")

    def needed(self, less=0):
        """What escrow must hold: all that can still be earned, `less` of it left out."""
        if not self.live():
            return 0
        return cost_of(self.delivered + self.due() - self.settled_due - less,
                       self.price) - self.paid

    def covered(self, period, less, funds):
        """Whether funds cover all that the lease can come to cost up to the end of a period."""
        owed = self.due_minutes(self.start_min, self.period_bounds(period)[1])
        spared = sum(row.due - row.charged for row in self.periods.values()
                     if row.state in ("metered", "disputed"))
        open_minutes = max(owed - self.settled_due - spared - less, 0)
        return cost_of(self.delivered + open_minutes, self.price) - self.paid <= funds

    def pause_foreseen_s(self):
        """Where the first period begins that the escrow does not cover; 0: it covers all."""
        funds = self.escrow.total()
        for period in range(self.period_count()):
            if not self.covered(period, 0, funds):
                return self.period_bounds(period)[0] * MINUTE
        return 0

    def may_pause(self):
        return self.elastic and self.state in ("granted", "active")

    def paused_since_s(self, now_s):
        if not self.may_pause():
            return 0
        if self.paused_s:
            return self.paused_s
        foreseen_s = self.pause_foreseen_s()
        if self.state == "granted" and foreseen_s >= self.activate_by_s():
            return 0  # it fails before
        return foreseen_s if foreseen_s <= now_s else 0

    def pause_until_s(self, since_s):
        return min(since_s + min(ELASTIC_GRACE_S, self.funded_min * MINUTE), self.end_min * MINUTE)

    def ends_s(self, now_s):
        """The end as it stands, a pause that has run out included."""
        since_s = self.paused_since_s(now_s)
        if since_s and now_s >= self.pause_until_s(since_s):
            return self.start_min * MINUTE if self.state == "granted" else since_s
        return self.end_min * MINUTE

    def state_now(self, now_s):
        since_s = self.paused_since_s(now_s)
        over = since_s and now_s >= self.pause_until_s(since_s)
        if self.state == "granted" and over:
            return "settled"  # it never began
        if self.state == "granted" and now_s >= self.activate_by_s() and not since_s:
            return "failed"
        if self.state != "active":
            return self.state
        if now_s >= self.end_min * MINUTE or over:
            return "ended"
        return "paused" if since_s else "active"
