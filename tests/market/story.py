"""Stories drawn from a seed: what happens next is drawn from what the model has."""
import random

from books import BEGIN_S, MINUTE, cost_of
from story_contracts import Parties
from story_control import Controls
from story_funding import Funding

PRICES = (1000000, 1000003, 1500000, 2000000, 2000001, 2500000, 3000000, 4000000)
PROFILES = ("tuning", "tuning", "tuning", "training", "inference")
HOUR = 60


def founding():
    """SKUs, sites and series: few of each, so that things collide."""
    def admin(**op):
        return {"as": 1, "op": op}

    steps = []
    for name, link, watts in (("a", "nvlink", 1000), ("b", "", 700), ("c", "nvlink", 400)):
        steps.append(admin(operation="sku_add", name=name, vendor="v", model="m", memory_gb=80,
                           interconnect=link, power_w=watts))
    places = (("US-TX", "US"), ("US-CA", "US"), ("DE", "DE"), ("DE", "US"), ("ID", "ID"))
    for number, (region, jurisdiction) in enumerate(places):
        steps.append({"as": 2 + number % 3, "op": dict(
            operation="site_add", name=f"site{number}", region=region, jurisdiction=jurisdiction,
            power_kw=(400, 60, 200, 90, 300)[number], carbon_g_per_kwh=100 * number,
            certifications=[{"name": "iso", "issuer": "i",
                             "expires_s": BEGIN_S + (number % 3) * 86400 + 86400}])})
    for series in (dict(transferable=True), dict(transferable=False),
                   dict(transferable=True, regions=[{"code": "US"}], profiles=["tuning"]),
                   dict(transferable=True, skus=[1, 2]),
                   dict(transferable=True, expires_s=BEGIN_S + 86400 + 1234)):
        number = len([s for s in steps if s["op"]["operation"] == "series_create"])
        steps.append(admin(operation="series_create", name=f"s{number}", funder=1,
                           expired_to=1, **series))
    for number, (funder, expires_s) in enumerate(((9, 0), (9, BEGIN_S + 2 * 86400), (10, 0))):
        steps.append(admin(operation="series_create", name=f"grant{number}", funder=funder,
                           expired_to=funder, transferable=number == 0, expires_s=expires_s))
    return steps


class Teller(Parties, Funding, Controls):
    """Draws the next step of a story from the state of the model after the steps before."""

    def __init__(self, run, seed, weights):
        self.run, self.model, self.random = run, run.model, random.Random(seed)
        self.made_by = {}  # (what, number) to step
        self.planned = []  # steps that follow whatever is drawn
        self.kinds = [name for name in weights if weights[name] > 0]
        self.weights = [weights[name] for name in self.kinds]

    def next(self):
        while True:
            if self.planned:
                return self.planned.pop(0)
            kind = self.random.choices(self.kinds, self.weights)[0]
            step = getattr(self, kind)()
            if step is not None:
                if "op" in step and not self.planned and self.chance(0.05):
                    step["undone"] = True
                return step

    def remember(self):
        self.made_by = {(what, number): step for (what, step), number in self.run.made.items()}

    # --- Drawing ----------------------------------------------------------------------------

    def chance(self, part):
        return self.random.random() < part

    def minute(self, ahead, grid=15):
        """A minute from now on, mostly on a grid so that intervals touch."""
        now = self.model.now_min()
        at = now + self.random.randint(0, ahead)
        return max(now, at - at % grid) if self.chance(0.85) else at

    def offer_ref(self, offer):
        return ("@", "offer", self.made_by[("offer", offer.offer)])

    def order_ref(self, order):
        return ("@", "order", self.made_by[("order", order.order)])

    def lease_ref(self, lease):
        order = self.model.orders[lease.order]
        for rule in self.model.rules.values():
            if lease.lease in rule.leases:
                return ("@", "rule", self.made_by[("rule", rule.rule)],
                        rule.leases.index(lease.lease))
        return ("@", "order", self.made_by[("order", order.order)],
                order.leases.index(lease.lease))

    def pick(self, things):
        things = list(things)
        return self.random.choice(things) if things else None

    def account_or_other(self, account, low, high):
        return account if self.chance(0.97) else self.random.randint(low, high)

    # --- Steps ------------------------------------------------------------------------------

    def tick(self):
        r = self.random
        step = {"tick": r.choice((0, 0, 0, 1, 60, 600, 900, 1800, r.randint(1, 7200)))}
        if self.chance(0.15) and not self.pause_ends(step["tick"]):
            step["late"] = True
        return step

    def pause_ends(self, seconds):
        """Whether a lease under a backstop may end of its pause within that time. Its GPUs are free
        again when the exchange gets to that; the model does not know when that is."""
        sites = [c.now().site for c in self.model.in_force("backstop")]
        until_s = self.model.now_s + seconds
        for lease in self.model.leases.values():
            if lease.site in sites and lease.may_pause():
                since_s = lease.paused_s or lease.pause_foreseen_s()
                if since_s and lease.pause_until_s(since_s) <= until_s:
                    return True
        return False

    def publish(self):
        r = self.random
        site = r.choice(list(self.model.sites.values()))
        start = 0 if self.chance(0.3) else self.minute(12 * HOUR) * MINUTE
        begin = start // MINUTE or self.model.now_min()
        end = (begin + r.choice((1, 2, 4, 8, 12, 24)) * HOUR - begin % 15) * MINUTE
        block = r.choice((1, 1, 1, 2, 3, 4, 8))
        billing = r.choice(("reserved", "metered"))
        preemptible = self.chance(0.25)
        standing = r.choice((60, 120, 300)) if self.chance(0.12) else 0
        op = dict(operation="offer_publish", site=site.site, sku=r.randint(1, 3),
                  gpus=block * r.randint(1, 12), block_gpus=block, start_s=start, end_s=end,
                  price_ucr=r.choice(PRICES), preemptible=preemptible,
                  notice_min=r.choice((0, 5, 30)) if preemptible else 0,
                  lease_min_min=r.choice((1, 1, 15, 60)),
                  lease_max_min=r.choice((0, 0, 0, 120, 480)), billing=billing,
                  meter_period_min=r.choice((7, 30, 60, 240)), standing_min=standing)
        if standing:
            op["start_s"], op["end_s"] = 0, r.choice((0, end))
        if billing == "metered" and self.chance(0.4):
            op["least_charge_ppm"] = r.choice((1, 333333, 1000000))
        if self.chance(0.04):
            op[r.choice(("gpus", "lease_min_min", "notice_min"))] = r.randint(1, 500)
        return {"as": self.account_or_other(site.operator, 2, 8), "op": op}

    def order_body(self):
        r = self.random
        skus = r.sample((1, 2, 3), r.choice((1, 1, 2, 3)))
        gpus = r.randint(1, 30)
        start = 0 if self.chance(0.4) else self.minute(10 * HOUR) * MINUTE
        begin = start // MINUTE or self.model.now_min()
        profile = r.choice(PROFILES)
        placement = "spread" if self.chance(0.3) and profile != "training" else "one_site"
        op = dict(operation="order_place",
                  skus=[dict(sku=s, limit_price_ucr=r.choice(PRICES)) for s in skus], gpus=gpus,
                  gpus_min=r.randint(1, gpus), block_gpus=r.choice((1, 1, 1, 2, 4)),
                  duration_min=r.choice((15, 30, 60, 120, 240, r.randint(1, 400))),
                  start_from_s=start, placement=placement,
                  time_in_force=r.choice(("immediate_or_cancel", "fill_or_kill")),
                  preemptible_ok=self.chance(0.5) and profile != "training", profile=profile)
        if profile == "inference" and self.chance(0.7):
            # Often for some periods of the offer, so that it is paused when it runs.
            op["funded_min"] = min(r.choice((7, 30, 60, r.randint(1, 400))), op["duration_min"])
        op["block_gpus"] = min(op["block_gpus"], gpus)
        if self.chance(0.75):
            self.aim(op)
            begin = op["start_from_s"] // MINUTE or self.model.now_min()
        if not self.chance(0.04):
            op["gpus"] += -op["gpus"] % op["block_gpus"]
        if self.chance(0.6):
            op["start_until_s"] = (begin + r.choice((15, 60, 240, 600))) * MINUTE
        if self.chance(0.2):
            op["regions"] = [{"code": c} for c in r.sample(("US", "US-TX", "DE", "ID"), 2)]
        if self.chance(0.1):
            op["jurisdictions"] = [{"code": r.choice(("US", "DE"))}]
        if self.chance(0.1):
            op["interconnect"] = r.choice(("nvlink", "other"))
        if self.chance(0.1):
            op["carbon_g_max"] = r.choice((100, 200, 10000))
        if self.chance(0.1):
            op["certifications"] = [{"name": r.choice(("iso", "iso", "soc"))}]
        if self.chance(0.1):
            op["reliability_ppm_min"] = r.choice((1, 500000, 900000, 1000000))
        return op

    def aim(self, op):
        """Makes the order one that an offer of those there might fill, all in all."""
        r = self.random
        offers = self.model.open_offers()
        resales = [o for o in offers if o.lease]
        offer = self.pick(resales if resales and self.chance(0.5) else offers)
        if offer is None:
            return
        limit = r.choice((offer.price, offer.price, offer.price + 1, r.choice(PRICES)))
        for wanted in op["skus"]:
            if wanted["sku"] == offer.sku:
                wanted["limit_price_ucr"] = limit
        if all(wanted["sku"] != offer.sku for wanted in op["skus"]):
            op["skus"][0] = dict(sku=offer.sku, limit_price_ucr=limit)
        op["preemptible_ok"] = op["profile"] != "training"
        start = max(offer.start_min, self.model.now_min())
        left = offer.end_min - start
        if left > 0 and self.chance(0.7):
            op["duration_min"] = r.choice((left, max(1, left // 2), max(1, offer.lease_min_min)))
            op["start_from_s"] = (start + r.choice((0, 0, left // 3))) * MINUTE
        op["gpus"] = max(op["block_gpus"], min(40, r.choice((offer.gpus, offer.gpus, offer.block,
                                                             offer.gpus + 3, offer.gpus // 2))))
        if offer.lease:
            op["block_gpus"] = min(op["block_gpus"], offer.block)
            op["regions"] = op["jurisdictions"] = op["certifications"] = []
        op["gpus_min"] = min(op["gpus_min"], op["gpus"])
        if op.get("funded_min", 0) > op["duration_min"]:
            op["funded_min"] = max(1, op["duration_min"] // 2)
        if op.get("funded_min") and offer.billing == "metered" and self.chance(0.8):
            # Some whole periods, so that it is paused as it runs.
            periods = r.choice((1, 1, 2, 3)) * offer.meter_period_min
            op["funded_min"] = min(periods, op["duration_min"])

    def pay_for(self, op, factor=1.0):
        """Tokens of one to three series that about cover the order at its highest limit."""
        r = self.random
        most = cost_of(op["gpus"] * (op.get("funded_min") or op["duration_min"]),
                       max(s["limit_price_ucr"] for s in op["skus"]))
        most = int(most * factor * (r.random() if self.chance(0.15) else 1)) + r.randint(0, 2)
        series = [n for n in self.model.series if not self.model.expired(n)]
        chosen = r.sample(series, min(len(series), r.choice((1, 1, 2, 3))))
        if self.chance(0.5):
            chosen = [1] + [n for n in chosen if n not in (1, 3)]
        return [[number, max(1, most // len(chosen) + r.randint(0, 1000))] for number in chosen]

    def order(self):
        op = self.order_body()
        if self.chance(0.03):
            op[self.random.choice(("gpus_min", "block_gpus"))] = 31
        account = self.random.choice((2, 3, 5, 5, 6, 6, 7, 7, 8, 8))
        return {"as": account, "op": op, "pay": self.pay_for(op)}

    def rest(self):
        op = self.order_body()
        op["time_in_force"] = "good_till_time"
        op["rest_until_s"] = self.model.now_s + self.random.choice((600, 7200, 36000, 100000))
        if op.get("start_until_s", 0) == 0 and self.chance(0.8):
            begin = op["start_from_s"] // MINUTE or self.model.now_min()
            op["start_until_s"] = (begin + 600) * MINUTE
        return {"as": self.random.choice((2, 5, 6, 7, 8)), "op": op,
                "pay": self.pay_for(op, 1.1)}

    def crowd(self):
        """Orders rest that want the same at few limits below all other prices; then comes less than
        they want together."""
        r = self.random
        sku = r.randint(1, 3)
        until_s = self.model.now_s + 6 * 3600
        steps = []
        for _ in range(r.randint(3, 7)):
            gpus = r.randint(1, 8)
            op = dict(operation="order_place", gpus=gpus, block_gpus=1,
                      skus=[dict(sku=sku, limit_price_ucr=r.choice((900000, 900000, 950000)))],
                      gpus_min=r.choice((1, gpus)), duration_min=r.choice((30, 60)),
                      start_until_s=until_s // MINUTE * MINUTE, rest_until_s=until_s,
                      placement=r.choice(("one_site", "spread")), profile="tuning",
                      time_in_force="good_till_time", preemptible_ok=True)
            steps.append({"as": r.choice((5, 6, 7, 8)), "op": op, "pay": self.pay_for(op, 1.1)})
        for _ in range(r.randint(1, 3)):
            site = r.choice(list(self.model.sites.values()))
            block = r.choice((1, 1, 1, 2, 4))
            steps.append({"as": site.operator, "op": dict(
                operation="offer_publish", site=site.site, sku=sku, gpus=block * r.randint(1, 4),
                block_gpus=block, end_s=(self.model.now_min() + r.choice((60, 90))) * MINUTE,
                price_ucr=r.choice((900000, 850000)), lease_min_min=r.choice((1, 30)),
                billing="reserved", meter_period_min=60)})
            if self.chance(0.5):
                steps.append({"tick": 0})
        self.planned = steps[1:] + [{"tick": 0}]
        return steps[0]

    def bait(self):
        """The site with the cheapest GPU of all has the others dearer than another site."""
        r = self.random
        sku = r.randint(1, 3)
        bait, other = r.sample(list(self.model.sites.values()), 2)
        start_s = (self.model.now_min() + r.choice((0, 30))) * MINUTE
        steps = [{"as": site.operator, "op": dict(
            operation="offer_publish", site=site.site, sku=sku, gpus=gpus, block_gpus=1,
            start_s=start_s, end_s=start_s + 7200, price_ucr=price, lease_min_min=1,
            billing="reserved", meter_period_min=60)}
                 for site, gpus, price in ((bait, 1, 600000), (bait, r.randint(2, 8), 690000),
                                           (other, r.randint(2, 8), r.choice((620000, 690000))))]
        r.shuffle(steps)
        gpus = r.randint(2, 8)
        op = dict(operation="order_place", skus=[dict(sku=sku, limit_price_ucr=690000)], gpus=gpus,
                  gpus_min=r.choice((1, gpus)), block_gpus=1, duration_min=60, profile="tuning",
                  start_until_s=start_s + r.choice((0, 3600)), placement="one_site",
                  time_in_force=r.choice(("immediate_or_cancel", "fill_or_kill")))
        self.planned = steps[1:] + [{"as": r.choice((5, 6, 7, 8)), "op": op,
                                     "pay": [[1, 690000 * gpus]]}]
        return steps[0]

    def many(self):
        """One request of several orders, or of several offers."""
        r = self.random
        if self.chance(0.3):
            parts = [self.publish() for _ in range(r.randint(2, 4))]
        else:
            parts = [r.choice((self.order, self.rest))() for _ in range(r.randint(2, 5))]
        return {"as": parts[0]["as"],
                "many": [{key: part[key] for key in ("op", "pay") if key in part}
                         for part in parts]}

    def wide(self):
        """More small offers than one order may have leases of, and an order for most of them."""
        r = self.random
        site = r.choice([s for s in self.model.sites.values() if s.power_kw >= 150] or
                        list(self.model.sites.values()))
        end_s = (self.model.now_min() + 90) * MINUTE
        offers = [{"op": dict(operation="offer_publish", site=site.site, sku=3,
                              gpus=r.randint(1, 4), block_gpus=1, end_s=end_s,
                              price_ucr=r.choice((700000, 750000, 800000)), lease_min_min=1,
                              billing="reserved", meter_period_min=60)}
                  for _ in range(r.randint(60, 80))]
        op = dict(operation="order_place", skus=[dict(sku=3, limit_price_ucr=880000)],
                  gpus=r.randint(100, 200), gpus_min=r.randint(1, 60), block_gpus=1,
                  duration_min=r.choice((30, 60)), placement="one_site", profile="tuning",
                  time_in_force=r.choice(("immediate_or_cancel", "fill_or_kill")))
        if self.chance(0.3):
            op.update(time_in_force="good_till_time", rest_until_s=self.model.now_s + 3600)
        self.planned = [{"as": r.choice((7, 8)), "op": op, "pay": [[1, 880000 * op["gpus"]]]},
                        {"tick": 0}]
        return {"as": site.operator, "many": offers}

    def named_offers(self):
        """Those that rules have made have no step to name them by."""
        return [o for o in self.model.open_offers() if ("offer", o.offer) in self.made_by]

    def withdraw(self):
        offer = self.pick(self.named_offers())
        if offer is None:
            return None
        return {"as": self.account_or_other(offer.seller, 2, 10),
                "op": dict(operation="offer_withdraw", offer=self.offer_ref(offer))}

    def amend_offer(self):
        r = self.random
        offer = self.pick(self.named_offers())
        if offer is None:
            return None
        op = dict(operation="offer_amend", offer=self.offer_ref(offer))
        if self.chance(0.5):
            op["gpus"] = offer.block * r.randint(1, 14)
        if self.chance(0.5):
            op.update(has_price=True, price_ucr=r.choice(PRICES))
        if self.chance(0.3):
            op["end_s"] = (offer.end_min + r.choice((-120, -60, -15, 15, 60, 240))) * MINUTE
        return {"as": self.account_or_other(offer.seller, 2, 10), "op": op}

    def amend_order(self):
        r = self.random
        order = self.pick(self.model.resting())
        if order is None:
            return None
        op = dict(operation="order_amend", order=self.order_ref(order))
        if self.chance(0.6):
            op["gpus"] = max(1, order.gpus + r.randint(-10, 10))
        if self.chance(0.4):
            op["skus"] = [dict(sku=s, limit_price_ucr=r.choice(PRICES)) for s in order.wish.skus]
        if self.chance(0.3):
            op["rest_until_s"] = self.model.now_s + r.choice((600, 7200, 36000))
        step = {"as": self.account_or_other(order.account, 5, 8), "op": op}
        whole = dict(gpus=op.get("gpus", order.gpus), duration_min=order.wish.duration_min,
                     skus=op.get("skus") or [dict(limit_price_ucr=max(order.wish.skus.values()))])
        if self.chance(0.7):
            step["pay"] = self.pay_for(whole)
        return step

    def cancel(self):
        order = self.pick(self.model.resting())
        if order is None:
            return None
        return {"as": self.account_or_other(order.account, 5, 8),
                "op": dict(operation="order_cancel", order=self.order_ref(order))}

    def rule(self):
        r = self.random
        body = self.order_body()
        keys = ("skus", "profile", "regions", "jurisdictions", "certifications", "preemptible_ok",
                "interconnect", "carbon_g_max", "reliability_ppm_min")
        op = dict({key: body[key] for key in keys if key in body}, operation="rule_add",
                  gpus=r.randint(1, 8), horizon_min=r.choice((59, 60, 60, 120, 240)),
                  resell=self.chance(0.6), sell_price_ucr=r.choice(PRICES),
                  runway_min=r.choice((0, 60)))
        pay = self.pay_for(dict(op, duration_min=op["horizon_min"]), r.choice((0.5, 2, 6)))
        return {"as": r.choice((2, 5, 6, 7, 8)), "op": op, "pay": pay}

    def change_rule(self):
        r = self.random
        rule = self.pick(self.model.rules.values())
        if rule is None:
            return None
        ref = ("@", "rule", self.made_by[("rule", rule.rule)])
        account = self.account_or_other(rule.account, 5, 8)
        if self.chance(0.3):
            return {"as": account, "op": dict(operation="rule_end", rule=ref)}
        step = {"as": account, "op": dict(operation="rule_change", rule=ref,
                                          gpus=r.choice((0, 1, 4, 9)))}
        if self.chance(0.5):
            step["pay"] = [[1, r.randint(1, 10**7)]]
        return step

    def close_site(self):
        r = self.random
        site = r.choice(list(self.model.sites.values()))
        outage = self.chance(0.5)
        start = 0 if outage or self.chance(0.3) else self.minute(8 * HOUR) * MINUTE
        begin = start // MINUTE or self.model.now_min()
        op = dict(operation="site_close", site=site.site,
                  kind="outage" if outage else "maintenance", start_s=start,
                  end_s=(begin + r.choice((5, 30, 90, 300))) * MINUTE, reason="r")
        return {"as": self.account_or_other(site.operator, 1, 4), "op": op}

    def reopen_site(self):
        closures = self.model.closures.values()
        if self.chance(0.95):
            closures = [c for c in closures if c.end_min > self.model.now_min()]
        closure = self.pick(closures)
        if closure is None:
            return None
        return {"as": self.account_or_other(self.model.sites[closure.site].operator, 1, 4),
                "op": dict(operation="site_reopen", closure=(
                    "@", "closure", self.made_by[("closure", closure.closure)]))}

    def change_site(self):
        r = self.random
        site = r.choice(list(self.model.sites.values()))
        return {"as": site.operator, "op": dict(
            operation="site_change", site=site.site,
            power_kw=max(1, site.power_kw + r.randint(-40, 40)),
            carbon_g_per_kwh=r.choice((0, 150, 350)),
            certifications=[{"name": "iso", "issuer": "i",
                             "expires_s": self.model.now_s + r.choice((3600, 100000))}])}

    def freeze(self):
        frozen = [n for n, a in self.model.accounts.items() if a.frozen and a.role != "admin"]
        if frozen and self.chance(0.9):
            return {"as": self.admin(), "op": dict(operation="account_unfreeze",
                                                   account=self.random.choice(frozen))}
        if not self.chance(0.3):
            return None
        return {"as": self.admin(), "op": dict(operation="account_freeze",
                                               account=self.random.choice((2, 3, 4, 5, 6)))}

    # --- Leases -----------------------------------------------------------------------------

    def live_leases(self, *states):
        return [n for n in self.model.leases.values() if n.live() and
                (not states or n.state_now(self.model.now_s) in states)]

    def activate(self):
        lease = self.pick(self.live_leases("granted"))
        if lease is None:
            return None
        return {"as": self.account_or_other(lease.operator, 2, 4),
                "op": dict(operation="lease_activate", lease=self.lease_ref(lease))}

    def meter(self):
        r = self.random
        leases = [n for n in self.live_leases("active", "ended", "paused")
                  if n.first_open_period() < n.period_count() and
                  n.period_bounds(n.first_open_period())[1] * MINUTE <= self.model.now_s]
        lease = self.pick(leases) if self.chance(0.95) else self.pick(self.live_leases())
        paused = [n for n in leases if n.paused_since_s(self.model.now_s)]
        if paused and self.chance(0.7):
            lease = self.pick(paused)  # a report may end its pause
        if lease is None:
            return None
        period = lease.first_open_period() if self.chance(0.9) else r.randint(0, 5)
        due = max(lease.due_minutes(*lease.period_bounds(period)), 0)
        minutes = r.choice((due, due, r.randint(0, due), due // 2, due + 1))
        if lease.elastic and self.chance(0.5):
            minutes = r.choice((0, due // 8))
        return {"as": self.account_or_other(lease.operator, 2, 4),
                "op": dict(operation="lease_meter", lease=self.lease_ref(lease), period=period,
                           gpu_minutes=minutes)}

    def periods_in(self, state):
        return [(n, p) for n in self.live_leases() for p, row in n.periods.items()
                if row.state == state]

    def dispute(self):
        found = self.periods_in("metered")
        more = [(n, p) for n, p in found if n.periods[p].charged > n.periods[p].metered]
        found = self.pick(more if more and self.chance(0.5) else found)
        if found is None:
            return None
        lease, period = found
        claim = self.random.randint(0, lease.periods[period].charged)
        return {"as": self.account_or_other(lease.holder, 5, 8),
                "op": dict(operation="lease_dispute", lease=self.lease_ref(lease), period=period,
                           gpu_minutes=claim, reason="less")}

    def decide(self):
        found = self.pick(self.periods_in("disputed"))
        if found is None:
            return None
        lease, period = found
        row = lease.periods[period]
        minutes = self.random.randint(0, row.due + 1)
        if lease.elastic:
            minutes = self.random.choice((minutes, row.charged, row.charged + 1))
        return {"as": self.admin(), "op": dict(
            operation="dispute_decide", lease=self.lease_ref(lease), period=period, reason="so",
            gpu_minutes=minutes)}

    def end_lease(self):
        lease = self.pick(self.live_leases("granted", "active", "paused"))
        if lease is None:
            return None
        account = lease.holder if self.chance(0.6) else lease.operator
        return {"as": account, "op": dict(operation="lease_end", lease=self.lease_ref(lease))}

    def extend(self):
        r = self.random
        lease = self.pick(self.live_leases("granted", "active"))
        if lease is None:
            return None
        op = dict(operation="lease_extend", lease=self.lease_ref(lease),
                  duration_min=r.choice((1, 15, 30, 60, 120)))
        return {"as": self.account_or_other(lease.holder, 5, 8), "op": op,
                "pay": self.pay_for(dict(op, gpus=lease.gpus,
                                         skus=[dict(limit_price_ucr=lease.price)]))}

    def fund(self):
        r = self.random
        leases = self.live_leases("granted", "active", "paused")
        elastic = [n for n in leases if n.elastic]
        lease = self.pick(elastic if elastic and self.chance(0.95) else leases)
        if lease is None:
            return None
        op = dict(operation="lease_fund", lease=self.lease_ref(lease),
                  gpus=lease.gpus, duration_min=r.choice((1, 10, 60, 200)),
                  skus=[dict(limit_price_ucr=lease.price)])
        pay = self.pay_for(op)
        return {"as": self.account_or_other(lease.holder, 5, 8), "pay": pay,
                "op": dict(operation=op["operation"], lease=op["lease"])}

    def resell(self):
        r = self.random
        lease = self.pick(n for n in self.live_leases("granted", "active")
                          if n.end_min > self.model.now_min() + 1)
        if lease is None:
            return None
        block = r.choice((1, 1, 1, 2))
        op = dict(operation="lease_resell", lease=self.lease_ref(lease), block_gpus=block,
                  gpus=block * r.randint(1, max(1, lease.gpus // block)),
                  price_ucr=r.choice(PRICES + (lease.price, lease.price - 1)),
                  lease_min_min=r.choice((1, 1, 15)))
        first = max(lease.start_min, self.model.now_min() + 1)
        if self.chance(0.4):
            op["start_s"] = r.randint(first, lease.end_min) * MINUTE
        if self.chance(0.4):
            op["end_s"] = r.randint(first, lease.end_min) * MINUTE
        return {"as": self.account_or_other(lease.holder, 5, 8), "op": op}
