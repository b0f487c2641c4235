"""Matching by trying everything: the procedure of docs/protocol.md, "Matching", word for word."""
import math

from books import MINUTE, ORDER_LEASES_MAX
from things import Thing


class Part(Thing):
    """What one offer gives: offer, gpus, price of the trade."""


class Match(Thing):
    start_min = 0
    gpus = 0

    def __init__(self, **fields):
        super().__init__(**fields)
        self.parts = []


def covers(filters, code):
    return not filters or any(code == f or code.startswith(f + "-") for f in filters)


def series_allow(model, number, sku, region, profile):
    series = model.series[number]
    return ((not series.skus or sku in series.skus) and covers(series.regions, region) and
            (not series.profiles or profile in series.profiles))


def trade_price(wish, offer):
    """The resting side's: whoever of the two is older."""
    return offer.price if offer.place < wish.place else wish.skus[offer.sku]


def unit_of(wish, offer):
    return math.lcm(offer.block, wish.block)


def site_counts(model, wish, site):
    if not covers(wish.regions, site.region) or not covers(wish.jurisdictions, site.jurisdiction):
        return False
    if wish.carbon_g_max and site.carbon > wish.carbon_g_max:
        return False
    last_s = max(wish.until_min * MINUTE, model.now_s)
    for name in wish.certifications:
        if not any(n == name and expires_s > last_s for n, expires_s in site.certifications):
            return False
    if site.reliability() < wish.reliability_ppm_min:
        return False
    return True


def lease_counts(model, wish, lease):
    """Whether a lease is such as the wish asks for, at whatever price and of whatever reliability;
    the certifications are to hold now."""
    site = model.sites[lease.site]
    if lease.sku not in wish.skus or \
            wish.interconnect and model.skus[lease.sku].interconnect != wish.interconnect:
        return False
    if not covers(wish.regions, site.region) or not covers(wish.jurisdictions, site.jurisdiction):
        return False
    if wish.carbon_g_max and site.carbon > wish.carbon_g_max:
        return False
    held = [name for name, expires_s in site.certifications if expires_s > model.now_s]
    if any(name not in held for name in wish.certifications):
        return False
    if lease.preemptible and (not wish.preemptible_ok or wish.profile == "training"):
        return False
    return {"training": "reserved", "inference": "metered"}.get(wish.profile, lease.billing) == \
        lease.billing


def terms_count(wish, offer):
    if offer.preemptible and (not wish.preemptible_ok or wish.profile == "training"):
        return False
    if wish.profile == "training" and offer.billing != "reserved":
        return False
    if wish.profile == "inference" and offer.billing != "metered":
        return False
    return (offer.lease_min_min <= wish.duration_min and
            (not offer.lease_max_min or wish.duration_min <= offer.lease_max_min))


def resale_counts(model, wish, offer):
    """What would be the seller's gain must be in series that may change their owner. Where earlier
    sellers have left credits in the lease, the holder's own part of its price is what counts."""
    if not offer.lease:
        return True
    lease = model.leases[offer.lease]
    if lease.state_now(model.now_s) not in ("granted", "active", "paused"):
        return False
    price = trade_price(wish, offer)
    total = lease.escrow.total()
    own = sum(row[2] for row in lease.escrow.rows if row[0] == lease.holder)
    gains = price > lease.price if own == total else \
        (price + 120) * total > lease.price * own
    return not gains or all(model.series[number].transferable for number in wish.series)


def counts(model, wish, offer):
    """Step 1, all but the start."""
    site = model.sites[offer.site]
    if offer.state != "open" or not model.is_shown(offer):
        return False
    if wish.account and wish.account in (offer.seller, offer.operator):
        return False
    if offer.sku not in wish.skus or offer.price > wish.skus[offer.sku]:
        return False
    if wish.site and offer.site != wish.site:
        return False
    if wish.interconnect and model.skus[offer.sku].interconnect != wish.interconnect:
        return False
    if model.accounts[offer.operator].frozen or model.accounts[offer.seller].frozen:
        return False
    if not site_counts(model, wish, site) or not terms_count(wish, offer):
        return False
    if not all(series_allow(model, n, offer.sku, site.region, wish.profile) for n in wish.series):
        return False
    if unit_of(wish, offer) > wish.gpus:
        return False
    # What is paid as it goes cannot take over a lease, which is paid in full.
    if offer.lease and wish.funded_min:
        return False
    if wish.funded_min and wish.funded_min < min(offer.meter_period_min, wish.duration_min):
        return False
    return resale_counts(model, wish, offer)


def give(model, wish, match, offer, start):
    """Step 4: one candidate gives; beyond ORDER_LEASES_MAX it replaces the one that gave least."""
    free = offer.free_over(model, start, wish.duration_min)
    unit = unit_of(wish, offer)

    def whole(missing):
        gpus = min(free, missing)
        return gpus - gpus % unit

    if len(match.parts) < ORDER_LEASES_MAX:
        gpus = whole(wish.gpus - match.gpus)
        if gpus:
            match.parts.append(Part(offer=offer, gpus=gpus, price=trade_price(wish, offer)))
            match.gpus += gpus
        return
    least = min(range(len(match.parts)), key=lambda i: (match.parts[i].gpus, -i))
    without = match.gpus - match.parts[least].gpus
    gpus = whole(wish.gpus - without)
    if gpus > match.parts[least].gpus:
        del match.parts[least]
        match.parts.append(Part(offer=offer, gpus=gpus, price=trade_price(wish, offer)))
        match.gpus = without + gpus


def at_start(model, wish, offers, start):
    match = Match(start_min=start)
    for offer in offers:
        if match.gpus >= wish.gpus:
            break
        give(model, wish, match, offer, start)
    return match


def stands_of(model, wish):
    """Steps 1 and 2: the offers that count by stand, in the order of rank."""
    stands = {}
    for offer in model.offers.values():
        if not counts(model, wish, offer):
            continue
        key = () if wish.spread else (offer.site, offer.sku)
        stands.setdefault(key, []).append(offer)
    ranked = []
    for offers in stands.values():
        offers.sort(key=lambda o: (o.price, o.place))
        ranks = []
        for offer in offers:
            start = offer.earliest(model, wish.from_min, wish.until_min, wish.duration_min,
                                   unit_of(wish, offer))
            if start is not None:
                ranks.append((offer.price, start, offer.place))
        if ranks:
            ranked.append((min(ranks), offers))
    ranked.sort(key=lambda pair: pair[0])
    return [offers for _, offers in ranked]


def at_stand(model, wish, offers):
    """Step 3: the first start that reaches everything, or the first of those that give most."""
    best = Match()
    starts = {wish.from_min}
    for offer in offers:
        starts.update(start for start in offer.rises(model, wish.from_min, wish.until_min)
                      if offer.free_over(model, start, wish.duration_min) >= unit_of(wish, offer))
    for start in sorted(starts):
        match = at_start(model, wish, offers, start)
        if match.gpus > best.gpus:
            best = match
        if match.gpus == wish.gpus:
            break
    return best


def stand_value(match):
    """Step 2: the most GPUs, then the least price of all of them together."""
    return -match.gpus, sum(part.gpus * part.price for part in match.parts)


def find(model, wish):
    """The match that the procedure comes to, or the partial one, or one with no GPUs; of stands of
    equal value that of the best rank."""
    matches = [at_stand(model, wish, offers) for offers in stands_of(model, wish)]
    return min(matches, default=Match(), key=lambda match: stand_value(match))


def enough(wish, match):
    return match.gpus > 0 and match.gpus >= wish.gpus_min


def feasible_somewhere(model, wish):
    """Full search for blocks of 1: the most GPUs that any stand has at any start of the window."""
    most = 0
    for offers in stands_of(model, wish):
        for start in range(wish.from_min, wish.until_min + 1):
            free = sorted((o.free_over(model, start, wish.duration_min) for o in offers),
                          reverse=True)
            most = max(most, sum(free[:ORDER_LEASES_MAX]))
    return most
