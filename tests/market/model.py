"""The market by brute force: state as plain records, every question answered by looking at all of
it. What each operation does follows docs/protocol.md; refusals are exceptions."""
import copy

from backstops import Backstops
from books import (BEGIN_S, MINUTE, STANDING_STEP_S, Books, ceil_div, minute_ceil, minute_floor,
                   refuse)
from contracts import Contracts
from control import Control
from flows import Flows
from grants import Grants
from guarantees import Guarantees
from leases import Leases, resale_price_agrees
from occupancy import Occupancy
from orders import Orders
from revshares import Revshares
from rules import Rules
from things import Offer, Thing, leased_minutes

HOLDERS = ("guarantor", "operator", "startup")
EVERYBODY = ("admin",) + HOLDERS
PERMITTED = {
    ("admin",): ("account_register", "account_freeze", "account_unfreeze", "sku_add", "sku_change",
                 "series_create", "mint", "dispute_decide", "grant_release", "mint_propose",
                 "policy_propose", "admin_propose", "control_approve"),
    ("admin", "treasurer"): ("payout_propose", "control_reject"),
    ("guarantor", "operator", "treasurer"): ("payout",),
    ("operator",): ("site_add", "site_change", "offer_publish", "lease_activate", "lease_meter"),
    ("admin", "operator"): ("site_close", "site_reopen"),
    EVERYBODY: ("contract_accept", "contract_decline", "contract_fund", "contract_withdraw",
                "guarantee_call", "claim_pay"),
    ("guarantor", "operator"): ("guarantee_propose", "backstop_propose"),
    HOLDERS: ("revshare_propose",),
    ("guarantor",): ("backstop_elect", "guarantee_step_in"),
    ("admin", "guarantor", "startup"): ("grant_propose",),
    ("admin", "guarantor"): ("royalty_record",),
    ("startup",): ("revenue_declare", "royalty_pay"),
}
ROLES = {operation: roles for roles, operations in PERMITTED.items() for operation in operations}


def may(role, operation):
    """What is not listed is for everyone who may hold leases."""
    return role in ROLES.get(operation, HOLDERS)


class Site(Thing):
    due = 0
    delivered = 0
    granted = 0
    failed = 0
    ended_by_operator = 0

    def reliability(self):
        return self.delivered * 1000000 // self.due if self.due else 1000000


class Model(Orders, Rules, Leases, Occupancy, Contracts, Backstops, Revshares, Grants,
            Guarantees, Flows, Control):
    def __init__(self):
        self.now_s = BEGIN_S
        self.steps = 0  # gives places: grows with every operation and fill
        self.books = Books()
        self.accounts = {}
        self.series, self.tokens = {}, {}
        self.skus, self.sites, self.closures = {}, {}, {}
        self.offers, self.orders, self.leases = {}, {}, {}
        self.leases_of_offer, self.rules = {}, {}
        self.asked = None  # the asking offer that is shown just now
        self.asking_sites = {}  # what they offer counts again since then
        self.turns = []  # the sellers who have something to ask about, in their order
        self.closures_made = 0
        self.contracts, self.claims_made = {}, 0
        self.declared = {}  # (account, month) to what was declared last
        self.policy = Thing(approvals=1, mint_limit=0, payout_limit=0)
        self.proposals = {}
        self.done_alone = {}  # (what, day) to what was minted or paid out on one word
        self.flows = {}  # by month, kind, payer, payee, series, site and SKU: amount, GPU-minutes
        self.said = []  # what the rules are to log of contracts and control, since the step before
        self.noted_min = minute_floor(BEGIN_S)  # the first minute that is not over yet
        self.withheld = {}  # (site, SKU) to minute to GPUs that operators did not hand over
        self.noted_offers = []  # the operators' own that may be free or sold still
        self.listed = {}  # day to offer to (minute, GPUs listed), until the day is added up
        self.days = {}  # (site, sku, day) to GPU-minutes sold and free
        self.day_added = BEGIN_S // 86400  # the first day that is not added up

    # --- Small things -----------------------------------------------------------------------

    def next_place(self):
        self.steps += 1
        return self.steps

    def now_min(self):
        return minute_floor(self.now_s)

    def is_shown(self, offer):
        return offer.state == "open" and (not self.is_asking(offer) or self.asked is offer)

    def open_offers(self):
        return [o for o in self.offers.values() if o.state == "open"]

    def resting(self):
        return [o for o in self.orders.values() if o.state == "resting"]

    def operate(self, account, op):
        """Works off one operation; a dict of what came of it."""
        refuse(self.accounts[account].frozen, "account_frozen")
        refuse(not may(self.accounts[account].role, op["operation"]), "not_permitted")
        self.steps += 1
        return getattr(self, op["operation"])(account, op) or {}

    # --- Registers --------------------------------------------------------------------------

    def register(self, number, role, name, keys):
        self.accounts[number] = Thing(role=role, frozen=False, name=name, keys=keys)

    def sku_add(self, account, op):
        number = len(self.skus) + 1
        self.skus[number] = Thing(sku=number, power_w=op["power_w"], state="active",
                                  interconnect=op.get("interconnect", ""))
        return {"object": number}

    def sku_change(self, account, op):
        refuse(self.skus[op["sku"]].state == op["state"], "already_so")
        self.skus[op["sku"]].state = op["state"]

    def site_add(self, account, op):
        number = len(self.sites) + 1
        self.sites[number] = Site(site=number, operator=account, region=op["region"],
                                  jurisdiction=op["jurisdiction"], power_kw=op["power_kw"],
                                  carbon=op["carbon_g_per_kwh"], certifications=[])
        self.set_certifications(self.sites[number], op)
        return {"object": number}

    def set_certifications(self, site, op):
        site.certifications = [(c["name"], c["expires_s"]) for c in op.get("certifications", [])]

    def series_create(self, account, op):
        number = len(self.series) + 1
        self.series[number] = Thing(series=number, funder=op["funder"],
                                    expires_s=op.get("expires_s", 0),
                                    transferable=op.get("transferable", False),
                                    expired_to=op["expired_to"], skus=op.get("skus", []),
                                    regions=[r["code"] for r in op.get("regions", [])],
                                    profiles=op.get("profiles", []), swept=False)
        return {"object": number}

    def expired(self, series):
        expires_s = self.series[series].expires_s
        return expires_s != 0 and self.now_s >= expires_s

    def issued(self, token, series, outputs):
        """The serials are the exchange's: the model does not number tokens."""
        for place, output in enumerate(outputs):
            self.tokens[token + place] = Thing(owner=output["account"], series=series,
                                               amount=output["amount_ucr"], spent=False)

    def give_back(self, owner, series, amount):
        """From escrow to tokens, or to where expired value goes."""
        if amount == 0:
            return
        if self.expired(series):
            self.books.move(series, (owner, "escrow"), (self.series[series].expired_to, "expired"),
                            amount)
        else:
            self.books.move(series, (owner, "escrow"), (owner, "tokens"), amount)

    def return_escrow(self, escrow, total):
        for owner, series, amount in escrow.take(total):
            self.give_back(owner, series, amount)

    # --- Sites ------------------------------------------------------------------------------

    def own_site(self, account, number, admin_too=False):
        refuse(number not in self.sites, "site_not_found")
        mine = self.sites[number].operator == account or \
            (admin_too and self.accounts[account].role == "admin")
        refuse(not mine, "not_owner")
        return self.sites[number]

    def drawn_watts(self, site, start, end, without=None):
        """The most watts drawn at any minute of [start, end)."""
        drawn = [0] * (end - start)
        for offer in self.offers.values():
            if offer.site != site or offer.lease or offer is without:
                continue
            a, b = max(offer.start_min, start), min(offer.end_min, end)
            if a >= b:
                continue
            watts = self.skus[offer.sku].power_w
            if offer.state == "withdrawn":
                taken = leased_minutes(self, offer)
                for minute in range(a, b):
                    drawn[minute - start] += taken[minute - offer.start_min] * watts
            else:
                drawn[a - start:b - start] = [d + offer.gpus * watts
                                              for d in drawn[a - start:b - start]]
        return max(drawn, default=0)

    def has_power(self, site, start, end, watts, without=None):
        return self.drawn_watts(site, start, end, without) + watts <= \
            self.sites[site].power_kw * 1000

    def site_change(self, account, op):
        site = self.own_site(account, op["site"])
        last = max([o.end_min for o in self.offers.values() if o.site == site.site],
                   default=self.now_min())
        drawn = self.drawn_watts(site.site, self.now_min(), max(last, self.now_min()))
        refuse(drawn > op["power_kw"] * 1000, "power_exceeded")
        site.power_kw = op["power_kw"]
        site.carbon = op["carbon_g_per_kwh"]
        self.set_certifications(site, op)
        return {"object": site.site}

    def site_close(self, account, op):
        site = self.own_site(account, op["site"], admin_too=True)
        start_s = op.get("start_s", 0)
        refuse(op["kind"] == "outage" and start_s, "interval_invalid")
        refuse(start_s % 60 or op["end_s"] % 60, "interval_invalid")
        start = start_s // 60 if start_s else self.now_min()
        refuse(start >= op["end_s"] // 60, "interval_invalid")
        refuse(start_s and start_s < self.now_s, "interval_in_past")
        refuse(op["end_s"] <= self.now_s, "interval_in_past")
        self.closures_made += 1
        number = self.closures_made
        self.closures[number] = Thing(closure=number, site=site.site, kind=op["kind"],
                                      start_min=start, end_min=op["end_s"] // 60)
        self.capacity_changed(site.site)
        return {"object": number}

    def site_reopen(self, account, op):
        refuse(op["closure"] not in self.closures, "closure_not_found")
        closure = self.closures[op["closure"]]
        self.own_site(account, closure.site, admin_too=True)
        refuse(minute_ceil(self.now_s) >= closure.end_min, "closure_over")
        closure.end_min = max(minute_ceil(self.now_s), closure.start_min)
        if closure.end_min == closure.start_min:
            del self.closures[op["closure"]]
        self.capacity_changed(closure.site)
        self.ask_about_site(closure.site)
        return {"object": closure.closure}

    def capacity_changed(self, site):
        for offer in self.offers.values():
            if offer.site == site:
                offer.changed()

    def outage_minutes(self, site, start, end):
        return sum(1 for minute in range(start, end) if any(
            c.site == site and c.kind == "outage" and c.start_min <= minute < c.end_min
            for c in self.closures.values()))

    # --- Offers -----------------------------------------------------------------------------

    def standing_end(self, standing_min, until_s):
        reach_s = self.now_s + standing_min * MINUTE
        end_s = ceil_div(reach_s, STANDING_STEP_S) * STANDING_STEP_S
        return min(end_s, until_s) if until_s else end_s

    def offer_publish(self, account, op):
        start_s = op.get("start_s", 0) or self.now_min() * MINUTE
        end_s = op.get("end_s", 0)
        standing = op.get("standing_min", 0)
        site, sku = self.sites.get(op["site"]), self.skus.get(op["sku"])
        refuse(site is not None and site.operator != account, "not_owner")
        refuse(sku is None, "sku_not_found")
        refuse(sku.state != "active", "sku_retired")
        refuse(site is None, "site_not_found")
        until_s = end_s if standing else 0
        if standing:
            end_s = self.standing_end(standing, end_s)
        refuse(start_s % 60 or end_s % 60 or start_s >= end_s, "interval_invalid")
        refuse(end_s <= self.now_s, "interval_in_past")
        refuse(op["gpus"] % op["block_gpus"], "block_invalid")
        refuse(not self.has_power(op["site"], start_s // 60, end_s // 60,
                                  op["gpus"] * sku.power_w), "power_exceeded")
        self.check_terms(op, (end_s - start_s) // 60, standing)
        number = len(self.offers) + 1
        offer = Offer(offer=number, site=op["site"], sku=op["sku"], gpus=op["gpus"],
                      block=op["block_gpus"], start_min=start_s // 60, end_min=end_s // 60,
                      price=op["price_ucr"], preemptible=op.get("preemptible", False),
                      notice_min=op.get("notice_min", 0), lease_min_min=op["lease_min_min"],
                      lease_max_min=op.get("lease_max_min", 0), billing=op["billing"],
                      meter_period_min=op["meter_period_min"], standing_min=standing,
                      until_s=until_s, least_charge_ppm=op.get("least_charge_ppm", 0),
                      operator=account, seller=account, place=self.next_place())
        self.offers[number] = offer
        self.noted_offers.append(offer)
        self.ask_about(offer)
        return {"object": number}

    def check_terms(self, op, span, standing):
        longest = op.get("lease_max_min", 0) or span
        refuse(op.get("notice_min", 0) and not op.get("preemptible", False), "terms_invalid")
        refuse(op["lease_min_min"] > min(longest, span), "terms_invalid")
        refuse(standing and standing < op["lease_min_min"], "terms_invalid")
        refuse(op.get("least_charge_ppm", 0) and op["billing"] != "metered", "terms_invalid")

    def own_offer(self, account, number):
        refuse(number not in self.offers, "offer_not_found")
        offer = self.offers[number]
        refuse(offer.seller != account, "not_owner")
        refuse(offer.state != "open" or self.now_s >= offer.end_min * MINUTE, "offer_closed")
        return offer

    def offer_withdraw(self, account, op):
        offer = self.own_offer(account, op["offer"])
        self.close_offer(offer, "withdrawn")
        return {"object": offer.offer}

    def close_offer(self, offer, state):
        offer.state = state
        offer.asking = False
        if offer.lease and self.leases[offer.lease].resale_offer == offer.offer:
            self.leases[offer.lease].resale_offer = 0

    def offer_amend(self, account, op):
        offer = self.own_offer(account, op["offer"])
        new = copy.copy(offer)
        new.gpus = op.get("gpus", 0) or offer.gpus
        new.price = op["price_ucr"] if op.get("has_price") else offer.price
        if op.get("end_s", 0):
            refuse(op["end_s"] % 60, "interval_invalid")
            new.end_min = op["end_s"] // 60
            if offer.standing_min:
                new.until_s = op["end_s"]
                new.end_min = self.standing_end(offer.standing_min, op["end_s"]) // 60
        self.check_amend(offer, new, op)
        grows = new.gpus > offer.gpus or new.end_min > offer.end_min
        if grows or new.price != offer.price:
            offer.place = self.next_place()
        asks = grows or new.price < offer.price
        offer.amended(self.now_s)
        offer.gpus, offer.price, offer.end_min = new.gpus, new.price, new.end_min
        offer.until_s = new.until_s
        offer.changed()
        if asks:
            self.ask_about(offer)
        return {"object": offer.offer}

    def check_amend(self, offer, new, op):
        now = self.now_min()
        if op.get("end_s", 0):
            refuse(new.end_min <= new.start_min, "interval_invalid")
            refuse(new.end_min * MINUTE <= self.now_s, "interval_in_past")
        refuse(new.gpus % offer.block, "block_invalid")
        taken = leased_minutes(self, offer)
        at = max(now - offer.start_min, 0)
        power = 0 if offer.lease else self.skus[offer.sku].power_w
        start = max(offer.start_min, now)
        bad_power = power and not self.has_power(offer.site, start, max(new.end_min, start),
                                                 new.gpus * power, without=offer)
        refuse(bad_power, "power_exceeded")
        # A lease must still fit behind a new end.
        refuse(op.get("end_s", 0) and offer.lease_min_min > new.end_min - start, "terms_invalid")
        if offer.lease:
            self.check_resale_amend(offer, new, op, start)
        refuse(max(taken[at:], default=0) > new.gpus, "below_sold")
        refuse(any(taken[max(new.end_min - offer.start_min, 0):]), "below_sold")

    def check_resale_amend(self, offer, new, op, start):
        lease = self.leases[offer.lease]
        refuse(op.get("end_s", 0) and new.end_min > lease.end_min, "interval_invalid")
        refuse(not resale_price_agrees(lease, new.price), "terms_invalid")
        for minute in range(start, new.end_min):
            gone = sum(r.gpus for r in lease.reliefs if r.offer != offer.offer and
                       r.start_min <= minute < r.end_min and
                       (minute < r.counts_min or minute >= lease.end_min))
            refuse(new.gpus + gone > lease.gpus, "below_sold")
