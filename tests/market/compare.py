"""Runs a story through the rules and the model side by side and finds where they differ.

A story is a list of steps that name things by the step that made them, so that steps can be left
out: {"as", "op", "pay"} is an operation whose tokens, [series, amount] each, are minted for it, by
as many admins as that needs, and with "undone" the same in an atomic request whose second operation
is refused; {"as", "many"} is one request of several {"op", "pay"}, of which what the second makes
is named by "STEP.1"; {"tick"} lets time pass; with "late" what falls due meanwhile is worked off at
the end of it. {"keys of": NAME, "key"} in an operation is the key that follows from the name.
"""
import copy
import time

from books import MINUTE, ORDER_LEASES_MAX, Refused
from compare_books import compare_books, compare_flows
from compare_contracts import compare_contracts, compare_papers, compare_said
from compare_control import compare_control, compare_proposals
from differences import Difference, differ, differ_rows
from driver import Driver, seconds
from model import Model
from price_index import PriceIndex

OPERATORS = ("op2", "op3", "op4")
STARTUPS = ("st5", "st6", "st7", "st8")
GUARANTORS = ("gu9", "gu10")
ADMINS = ("ad11", "ad12", "ad13")
TREASURERS = ("tr14",)


class Missing(Exception):
    """A step names something that no step before it has made."""


class Run:
    def __init__(self, driver, fault=None):
        self.driver, self.model, self.index = driver, Model(), PriceIndex()
        self.fault = fault  # what a test of this test changes in the rules' answers
        self.made = {}      # (what, step) to number
        self.counts = {}    # (operation, outcome) to how often
        self.refused = ""   # why the last operation was, if it was
        self.model.register(1, "admin", "admin", set(self.keys("admin").values()))
        for names, role in ((OPERATORS, "operator"), (STARTUPS, "startup"),
                            (GUARANTORS, "guarantor"), (ADMINS, "admin"),
                            (TREASURERS, "treasurer")):
            for name in names:
                account = driver.ask(register=name, role=role)["account"]
                self.model.register(account, role, name, set(self.keys(name).values()))

    # --- Steps ------------------------------------------------------------------------------

    def resolve(self, value):
        if isinstance(value, dict) and "keys of" in value:
            return self.keys(value["keys of"])[value["key"]]
        if isinstance(value, dict):
            return {key: self.resolve(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            if len(value) > 1 and value[0] == "@":
                return self.named(*value[1:])
            return [self.resolve(item) for item in value]
        return value

    def named(self, what, step, place=None):
        number = self.made.get((what, step))
        if number is None:
            raise Missing
        if place is None:
            return number
        things = self.model.rules if what == "rule" else self.model.orders
        leases = things[number].leases
        if place >= len(leases):
            raise Missing
        return leases[place]

    def keys(self, name):
        keys = self.driver.ask(keys=name)
        return {key: keys[key] for key in ("sign_key", "channel_key")}

    def step(self, number, step):
        if "tick" in step:
            return self.tick(step["tick"], step.get("late", False))
        account = self.resolve(step["as"])
        ops = [self.paid(account, part) for part in step.get("many", [step])]
        if step.get("undone"):
            return self.undo(account, ops[0])
        return self.operate(number, account, ops)

    def paid(self, account, part):
        op = self.resolve(copy.deepcopy(part["op"]))
        if "pay" in part:
            op["tokens"] = [self.mint(account, *pay) for pay in part["pay"]]
        return op

    def undo(self, account, op):
        """Nothing of it may stay, which the next comparisons show."""
        refused = {"operation": "order_cancel", "order": 1 << 40}
        self.model.said = []
        answer = self.ask(**{"as": account}, operations=[op, refused], atomic=True)
        if any(result["refusal"] == "accepted" for result in answer["results"]):
            raise Difference("a part of an atomic request that was refused is accepted")
        self.compare_events({"events": answer["events"]}, len(self.model.leases))
        return True

    def mint(self, account, series, amount):
        """A new token, with the word of as many admins as it takes; or, of an expired series, one
        that never was."""
        tokens = len(self.model.tokens)
        admin, *others = self.model.active_admins()
        op = {"series": series, "outputs": [{"account": account, "amount_ucr": amount}]}
        accepted = self.operate(None, admin, [dict(op, operation="mint")])
        if not accepted and self.refused == "approval_needed":
            self.operate(None, admin, [dict(op, operation="mint_propose")])
            approve = {"operation": "control_approve", "proposal": len(self.model.proposals)}
            for other in others[:self.model.policy.approvals - 1]:
                self.operate(None, other, [approve])
        return max(self.model.tokens) if len(self.model.tokens) > tokens else 1 << 40

    def ask(self, **command):
        answer = self.driver.ask(**command)
        return self.fault(command, answer) if self.fault else answer

    def operate(self, number, account, ops):
        """One request; whether something of it was accepted."""
        self.model.said = []
        answer = self.ask(**{"as": account}, operations=ops)
        before = len(self.model.leases)
        accepted = False
        for place, op in enumerate(ops):
            result = answer["results"][place] if answer["results"] else answer
            name = f"{number}.{place}" if place else number
            accepted = self.operate_one(name, account, op, result) or accepted
        if accepted:
            self.compare_events(answer, before)
        return accepted

    def operate_one(self, name, account, op, result):
        try:
            made = self.model.operate(account, op)
            outcome = "accepted"
        except Refused as refused:
            made, outcome = {}, refused.reason
        self.refused = outcome
        key = (op["operation"], outcome)
        self.counts[key] = self.counts.get(key, 0) + 1
        differ(f"outcome of {op['operation']}", result["refusal"], outcome)
        if outcome != "accepted":
            return False
        if "object" in made:
            differ(f"object of {op['operation']}", result["object"], made["object"])
            what = {"offer_publish": "offer", "lease_resell": "offer", "order_place": "order",
                    "site_close": "closure", "rule_add": "rule",
                    "backstop_elect": "order", "backstop_propose": "contract",
                    "revshare_propose": "contract", "grant_propose": "contract",
                    "guarantee_propose": "contract", "mint_propose": "proposal",
                    "payout_propose": "proposal", "policy_propose": "proposal",
                    "admin_propose": "proposal"}.get(op["operation"])
            if what and name is not None and not op.get("contract" if what == "contract" else ""):
                self.made[(what, name)] = made["object"]
        return True

    def tick(self, duration, late):
        answer = self.ask(tick=duration, late=late)
        before = len(self.model.leases)
        self.model.said = []
        self.model.tick(duration, late)
        differ("time", answer["time"], self.model.now_s)
        self.compare_events(answer, before)
        hour_s = self.index.due(self.model.now_s)
        if hour_s is not None:
            differ("the hour of the price index", self.index.hour_s, hour_s)
        return True

    # --- What is compared -------------------------------------------------------------------

    def compare_events(self, answer, before):
        """The leases that were granted, in their order."""
        for event in answer["events"]:
            key = ("event", event["event"])
            self.counts[key] = self.counts.get(key, 0) + 1
            if len(event.get("leases", ())) == ORDER_LEASES_MAX:
                most = ("event", "of the most leases")
                self.counts[most] = self.counts.get(most, 0) + 1
            self.compare_index(event)
        grants = [grant for event in answer["events"] for grant in event.get("leases", [])
                  if event["event"] in ("order_placed", "order_amended", "order_filled",
                                      "rule_bought", "backstop_elected")]
        rules = [(g["lease"], g["offer"], g["gpus"], seconds(g["start_s"]), seconds(g["end_s"]),
                  g["price_ucr"]) for g in grants]
        leases = [self.model.leases[i] for i in range(before + 1, len(self.model.leases) + 1)]
        model = [(n.lease, n.bought_of, n.gpus, n.start_min * MINUTE, n.granted_end_min * MINUTE,
                  n.bought) for n in leases]
        differ("leases granted (lease, offer, gpus, start, end, price)", rules, model)
        trades = [trade for event in answer["events"] if event["event"] == "traded"
                  for trade in event["trades"]]
        rules = [(t["sku"], t["region"], t["gpus"], seconds(t["start_s"]), seconds(t["end_s"]),
                  t["price_ucr"], t["preemptible"], t["resale"]) for t in trades]
        model = [(n.sku, self.model.sites[n.site].region, n.gpus, n.start_min * MINUTE,
                  n.granted_end_min * MINUTE, n.bought, n.preemptible, n.parent != 0)
                 for n in leases if n.parent or not n.elected]
        differ("trades (sku, region, gpus, start, end, price, preemptible, resale)", rules, model)
        compare_said(answer["events"], self.model.said)
        for event in answer["events"]:
            if event["event"] == "minted":
                self.model.issued(event["token_first"], event["series"], event["outputs"])
            if event["event"] == "account_registered":
                self.made[("account", event["name"])] = event["account"]
                self.driver.ask(keys=event["name"], account=event["account"])

    def compare_index(self, event):
        """Points are worked out from the trades told before."""
        time_s = seconds(event["time_s"])
        if event["event"] == "traded":
            for trade in event["trades"]:
                self.index.add(time_s, trade, seconds(trade["start_s"]), seconds(trade["end_s"]))
        if event["event"] == "trade_cut":
            self.index.cut(event["trade"], event["gpu_minutes"])
        if event["event"] != "index_published":
            return
        rules = {(p["sku"], p["kind"]): (p["level_ucr"], p["chain_ppm"], p["trades"],
                                         p["gpu_minutes"]) for p in event["points"]}
        differ("points of the price index", rules, self.index.publish(time_s))

    def compare_state(self):
        state = self.ask(state=True)
        model = self.model
        compare_books(state, model)
        differ_rows("resting orders", rules_orders(state), model_orders(model))
        differ_rows("offers", rules_offers(state), model_offers(model))
        differ_rows("leases", rules_leases(state), model_leases(model))
        differ_rows("sites", rules_sites(state), model_sites(model))
        differ_rows("standing rules", rules_rules(state), model_rules(model))
        compare_contracts(state, model)
        compare_control(state, model)
        self.check_capacity()

    def check_capacity(self):
        """What an offer has free and what leases take of it add up to what it has."""
        for offer in self.model.open_offers():
            if not offer.lease:
                self.check_capacity_of(offer)

    def check_capacity_of(self, offer):
        first = max(offer.start_min, self.model.now_min())
        taken = [0] * max(offer.end_min - first, 0)
        for lease in self.model.leases_of_offer.get(offer.offer, ()):
            for minute in range(max(first, lease.start_min), min(lease.end_min, offer.end_min)):
                taken[minute - first] += lease.unsold_at(minute)
        assert max(taken, default=0) <= offer.gpus, "no GPU-minute is sold twice"
        free = [offer.gpus - gpus for gpus in taken]
        for closure in self.model.closures.values():
            if closure.site == offer.site:
                for minute in range(max(first, closure.start_min),
                                    min(closure.end_min, offer.end_min)):
                    free[minute - first] = 0
        assert offer.free_array(self.model)[first - offer.start_min:] == free

    def check(self):
        faults = self.driver.ask(check=True)["faults"]
        differ("what exchange_check() and the referee find", faults, [])
        papers = self.ask(papers=True)
        compare_papers(papers, self.model)
        compare_flows(papers["flows"], papers["flows_of"], self.model)
        compare_proposals(papers["proposals"], self.model)

    def verify(self):
        """Replayed, grouped otherwise and loaded anew, the journal gives the same."""
        differ("what world_verify() finds", self.driver.ask(verify=True)["count"], 0)


def rules_orders(state):
    return {r["order"]: dict(filled=r["gpus_filled"], gpus=r["gpus"], escrow=r["escrow_ucr"],
                             cost=r["cost_ucr"], leases=r["lease_count"])
            for r in state["orders"]}


def model_orders(model):
    return {o.order: dict(filled=o.filled, gpus=o.gpus, escrow=o.escrow.total(), cost=o.cost,
                          leases=len(o.leases)) for o in model.resting()}


def rules_offers(state):
    return {r["offer"]: dict(gpus=r["gpus"], end=seconds(r["end_s"]), price=r["price_ucr"],
                             free=r["free_gpus"], asking=r["asking"], lease=r["lease"])
            for r in state["offers"] if r["state"] == "open"}


def model_offers(model):
    now = model.now_min()
    shown = {}
    for o in model.open_offers():
        at = max(now - o.start_min, 0)
        shown[o.offer] = dict(gpus=o.gpus, end=o.end_min * MINUTE, price=o.price,
                              free=min(o.free_array(model)[at:], default=0),
                              asking=model.is_asking(o), lease=o.lease)
    return shown


def rules_leases(state):
    return {r["lease"]: dict(offer=r["offer"], holder=r["holder"], operator=r["operator"],
                             gpus=r["gpus"], state=r["state"], start=seconds(r["start_s"]),
                             end=seconds(r["end_s"]), price=r["price_ucr"],
                             escrow=r["escrow_ucr"], paid=r["paid_ucr"],
                             refunded=r["refunded_ucr"], delivered=r["gpu_minutes_delivered"],
                             settled=r["periods_settled"], reason=r["end_reason"],
                             parent=r["parent"], resale_offer=r["resale_offer"],
                             sold=r["gpu_minutes_sold"]) for r in state["leases"]}


def model_leases(model):
    shown = {}
    for n in model.leases.values():
        state = n.state_now(model.now_s)
        if not n.live() or state in ("settled", "failed"):  # swept or not
            continue
        reason = n.end_reason
        if reason == "not_yet" and state == "ended":
            reason = "completed"
        shown[n.lease] = dict(
            offer=n.offer, holder=n.holder, operator=n.operator, gpus=n.gpus, state=state,
            start=n.start_min * MINUTE, end=n.end_min * MINUTE, price=n.price,
            escrow=n.escrow.total(), paid=n.paid, refunded=n.refunded, delivered=n.delivered,
            settled=n.periods_settled, reason=reason, parent=n.parent,
            resale_offer=n.resale_offer,
            sold=sum(r.gpus * (r.end_min - r.start_min) for r in n.reliefs if r.kind == "sale"))
    return shown


def rules_sites(state):
    return {r["site"]: (r["reliability_ppm"], r["gpu_minutes_due"], r["gpu_minutes_delivered"],
                        r["leases_granted"], r["leases_failed"], r["leases_ended_by_operator"])
            for r in state["sites"]}


def rules_rules(state):
    return {r["rule"]: dict(state=r["state"], gpus=r["gpus"], last_refusal=r["last_refusal"])
            for r in state["rules"]}


def model_rules(model):
    return {r.rule: dict(state=r.state, gpus=r.gpus, last_refusal=r.last_refusal)
            for r in model.rules.values()}


def model_sites(model):
    return {s.site: (s.reliability(), s.due, s.delivered, s.granted, s.failed,
                     s.ended_by_operator) for s in model.sites.values()}


def play(story, every=1, fault=None, refused=None):
    """Plays a story of (number, step) to its end; (number, difference) where it goes apart. Adds
    to `refused` the steps that came to nothing."""
    with Driver() as driver:
        run = Run(driver, fault)
        for place, (number, step) in enumerate(story):
            try:
                accepted = run.step(number, step)
                if refused is not None and not accepted:
                    refused.add(number)
                if place % every == every - 1:
                    run.compare_state()
            except Missing:
                continue
            except (Difference, AssertionError) as difference:
                return number, difference
        try:
            run.compare_state()
            run.check()
        except (Difference, AssertionError) as difference:
            return story[-1][0], difference
    return None


def kind_of(difference):
    """Two differences of the same kind are taken for the same one."""
    return str(difference).split(":")[0]


def shorten(story, difference, budget_s, fault=None):
    """Leaves out what the difference does not need, as long as there is time."""
    end = time.monotonic() + budget_s
    refused = set()
    found = play(story, 1, fault, refused)
    if found is None:
        return story, difference
    kind, difference = kind_of(found[1]), found[1]
    story = [pair for pair in story if pair[0] <= found[0]]
    # What shows by itself needs no comparison of the whole state on the way.
    every = 1 if "differ" in kind else len(story) + 1

    def try_story(shorter):
        found = play(shorter, every, fault)
        if found is None or kind_of(found[1]) != kind:
            return None
        return [pair for pair in shorter if pair[0] <= found[0]], found[1]

    tried = try_story([pair for pair in story if pair[0] not in refused or pair == story[-1]])
    story, difference = tried or (story, difference)
    size = len(story) // 2
    while size >= 1 and time.monotonic() < end:
        at = 0
        while at < len(story) and time.monotonic() < end:
            tried = try_story(story[:at] + story[at + size:])
            if tried:
                story, difference = tried
            else:
                at += size
        size //= 2
    return story, difference
