"""A random test of the market: the rules against a model that tries everything, step by step.

Environment: MARKET_SEED (of the first story; else 920000 and after them one story drawn from the
clock, or with BOURSE_LONG=1 all of them; printed), MARKET_STEPS (of a story; 1 500), MARKET_SEEDS
(how many stories follow each other; 14), BOURSE_LONG=1 (30 stories of 2 000 steps). What goes apart
is told as a story, cut down to what it needs.
"""
import json
import os
import pathlib
import sys
import time
import unittest
import unittest.mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import books  # noqa: E402
import flows  # noqa: E402
import guarantees  # noqa: E402
import matching  # noqa: E402
import model  # noqa: E402
import orders  # noqa: E402
import revshares  # noqa: E402
import tap  # noqa: E402
from compare import Run, shorten  # noqa: E402
from differences import Difference  # noqa: E402
from driver import Driver, program  # noqa: E402
from story import Teller, founding  # noqa: E402
from story_contracts import CONTRACT_WEIGHTS  # noqa: E402
from story_control import CONTROL_WEIGHTS  # noqa: E402
from story_funding import FUNDING_WEIGHTS  # noqa: E402
from things import Thing  # noqa: E402

LONG = os.environ.get("BOURSE_LONG") == "1"
STEPS = int(os.environ.get("MARKET_STEPS", 2000 if LONG else 1500))
SEEDS = int(os.environ.get("MARKET_SEEDS", 30 if LONG else 14))
DRAWN = time.time_ns() // 1000 % 10**9
FIXED = 920000
SEED = int(os.environ.get("MARKET_SEED", DRAWN if LONG else FIXED))
STORIES = list(range(SEED, SEED + SEEDS)) + [DRAWN] * ("MARKET_SEED" not in os.environ)
EVERY = 10
SHORTEN_S = 60
PLANTED_SEEDS = 4
PARTNER_SEEDS = 40
# What stories must get to, so that what they compare says something.
REACHED = (("event", "of the most leases"), ("mint", "approval_needed"),
           ("payout", "accepted"), ("payout", "approval_needed"), ("payout", "balance_pledged"),
           ("control_approve", "insufficient_funds"), ("control_approve", "already_approved"),
           ("control_approve", "proposal_closed"), ("event", "policy_changed"),
           ("event", "control_rejected"), ("event", "account_registered"),
           ("claim_pay", "accepted"), ("claim_pay", "no_claim"), ("guarantee_call", "accepted"))

MARKET = dict(tick=30, publish=14, order=22, rest=14, withdraw=2, amend_offer=5, amend_order=5,
              cancel=3, close_site=1.5, reopen_site=1.5, change_site=1, freeze=1.5, activate=20,
              meter=14, dispute=3, decide=3, end_lease=4, resell=18, extend=6, fund=4,
              rule=3, change_rule=3, crowd=4, many=3, wide=0.6, bait=3)
WEIGHTS = dict(MARKET, **CONTRACT_WEIGHTS, **FUNDING_WEIGHTS, **CONTROL_WEIGHTS)
# For faults in what contracts and several admins do: more of it.
PARTNERS = {name: weight * (3 if name in CONTRACT_WEIGHTS or name in FUNDING_WEIGHTS else 1)
            for name, weight in WEIGHTS.items()}
ADMINS = {name: weight * (3 if name in CONTROL_WEIGHTS or name == "leap" else 1)
          for name, weight in PARTNERS.items()}
ONLY = os.environ.get("MARKET_ONLY")  # names of steps, to narrow a search
if ONLY:
    WEIGHTS = {name: WEIGHTS[name] for name in ONLY.split(",")}


def tell(seed, steps, fault=None, weights=WEIGHTS):
    """Draws and plays a story; (story, difference or None, how often what came of what)."""
    story = []
    with Driver() as driver:
        run = Run(driver, fault)
        teller = Teller(run, seed, weights)
        beginning = founding()
        try:
            for number in range(steps + len(beginning)):
                if number < len(beginning):
                    step = beginning[number]
                else:
                    teller.remember()
                    step = teller.next()
                story.append((number, step))
                run.step(number, step)
                if number % EVERY == 0:
                    run.compare_state()
                if number % 250 == 249:
                    run.check()
            run.compare_state()
            run.check()
            if fault is None:
                run.verify()
        except (Difference, AssertionError) as difference:
            return story, difference, run.counts
    return story, None, run.counts


def told(story):
    return "\n".join(f"{number}: {json.dumps(step)}" for number, step in story)


def show(seed, story, difference, fault=None):
    story, difference = shorten(story, difference, SHORTEN_S, fault)
    return f"seed {seed}: {difference}\nwith the story\n{told(story)}"


class Random(unittest.TestCase):
    def test_rules_and_model_agree(self):
        """every outcome, lease, price and balance"""
        counts = {}
        for seed in STORIES:
            tap.note(f"seed {seed}, {STEPS} steps")
            story, difference, found = tell(seed, STEPS)
            for key, count in found.items():
                counts[key] = counts.get(key, 0) + count
            if difference is not None:
                self.fail(show(seed, story, difference))
        for key in sorted(counts):
            tap.note(f"{key[0]} {key[1]}: {counts[key]}")
        if SEED == FIXED and SEEDS >= 14 and not ONLY:
            for key in REACHED:
                self.assertIn(key, counts)


def in_grants(change):
    """A fault in the leases that the rules say they have granted."""
    def fault(command, answer):
        for event in answer.get("events", ()):
            if event["event"] in ("order_placed", "order_filled"):
                for grant in event["leases"]:
                    change(grant)
        return answer
    return fault


def in_state(table, change):
    """A fault in rows of the state that the rules show."""
    def fault(command, answer):
        for row in answer.get(table, ())[:1]:
            change(row)
        return answer
    return fault


def in_refusals(command, answer):
    for result in answer.get("results", ()):
        if result["refusal"] == "price_above_limit":
            result["refusal"] = "no_capacity"
    return answer


def in_points(command, answer):
    for event in answer.get("events", ()):
        if event["event"] == "index_published":
            event["points"][0]["chain_ppm"] += 1
    return answer


def in_policy(command, answer):
    if "policy" in answer:
        answer["policy"]["admins"] += 1
    return answer


def add(key, much):
    def change(row):
        row[key] += much
    return change


def in_events(name, change):
    """A fault in events of a kind."""
    def fault(command, answer):
        for event in answer.get("events", ()):
            if event["event"] == name:
                change(event)
        return answer
    return fault


# What is wrong in the rules' answers.
ANSWERS = {
    "a lease dearer by one": in_grants(add("price_ucr", 1)),
    "a lease with one GPU more": in_grants(add("gpus", 1)),
    "a lease of another offer": in_grants(add("offer", 1)),
    "a balance short by one": in_state("balances", add("tokens_ucr", -1)),
    "escrow of a resting order": in_state("orders", add("escrow_ucr", 1)),
    "free GPUs of an offer": in_state("offers", add("free_gpus", 1)),
    "another refusal": in_refusals,
    "a point of the price index": in_points,
    "a fund short by one": in_state("contracts", add("funded_ucr", -1)),
    "a draw of one GPU-minute less": in_events("backstop_settled", add("gpu_minutes_owed", -1)),
    "a share of one more": in_events("share_paid", add("share_ucr", 1)),
    "royalty of one more": in_state("grants", add("royalty_ucr", 1)),
    "a call paid by the other": in_events("guarantee_called", add("by_operator_ucr", 1)),
    "a claim settled for one more": in_events("claim_settled", add("amount_ucr", 1)),
    "a pledge of one more": in_state("guarantees", add("pledged_ucr", 1)),
    "one approval more": in_events("control_approved", add("approvals", 1)),
    "an approval that is not needed": in_state("proposals", add("needed", -1)),
    "one admin more": in_policy,
    "a flow of one less": in_state("flows", add("amount_ucr", -1)),
    "a series with one more minted": in_state("supply", add("minted_ucr", 1)),
}


def parts_rounded_up(total, holdings):
    parts = books.split(total, holdings)
    if len(parts) > 1 and parts[-1] > 0:
        parts[0], parts[-1] = parts[0] + 1, parts[-1] - 1
    return parts


# What the model does wrongly, as the rules might: name, where, what, instead of it.
MODEL = [
    ("trades at the order's limit", matching, "trade_price",
     lambda wish, offer: wish.skus[offer.sku]),
    ("blocks not looked at", matching, "unit_of", lambda wish, offer: 1),
    ("own offers count", matching, "counts",
     lambda model, wish, offer, counts=matching.counts:
        counts(model, Thing(**{**wish.__dict__, "account": 0}), offer)),
    ("shares rounded otherwise", orders, "split", parts_rounded_up),
    ("parts of an order start apart", model.Model, "settle_start", lambda *_: None),
    ("a site by its rank alone", matching, "stand_value", lambda match: -match.gpus),
    ("younger first", orders, "turn",
     lambda order, offer: (-order.wish.skus[offer.sku], -order.place)),
    ("lower limit first", orders, "turn",
     lambda order, offer: (order.wish.skus[offer.sku], order.place)),
    ("resting orders not asked", model.Model, "try_fill", lambda *_: None),
    ("cost rounded down", orders, "cost_of", lambda minutes, price: minutes * price // 60),
    ("an early end keeps its GPUs", model.Model, "capacity_changed", lambda *_: None),
    ("what can no longer be earned stays", model.Model, "refund", lambda *_: None),
    ("what was metered is disputed", model.Model, "disputable", lambda self, row: row.metered),
    ("rules count all leases", model.Model, "counts", lambda self, rule, lease: self.usable(lease)),
    ("rules buy all or nothing", model.Model, "buy_less", lambda *_: "insufficient_funds"),
    ("rules sell nothing that is too many", model.Model, "offer_surplus", lambda *_: None),
    ("gains of resale are no flow", model.Model, "flow_of_lease",
     lambda self, kind, *rest, flow=model.Model.flow_of_lease:
        kind == "resale" or flow(self, kind, *rest)),
    ("who holds a lease paid all of it", model.Model, "paid_by",
     lambda self, lease, paid: [(lease.holder, series, amount) for _, series, amount in paid]),
]
# And of contracts.
CONTRACTS = [
    ("what is listed counts at once", model.Model, "stood",
     lambda self, offer, minute, price_max, ahead: offer.gpus if offer.price <= price_max else 0),
    ("what nobody can have any more is listed", model.Model, "listed_until",
     lambda self, offer: offer.end_min),
    ("a closed site is owed for", model.Model, "site_closed", lambda *_: False),
    ("elected GPUs are sold ones", model.Model, "elected",
     lambda self, offer: [0] * (offer.end_min - offer.start_min)),
    ("what is withheld is owed for", model.Model, "withheld_at", lambda *_: 0),
    ("claims are not paid later", model.Model, "pay_claims", lambda *_: None),
    ("a settlement is not split at a milestone", revshares, "first_that",
     lambda most, holds: most if holds(most) else None),
    ("the floor is shared", model.Model, "counted", lambda self, contract, gross: gross),
    ("shares by their number alone", revshares, "turn", lambda contract: contract.contract),
    ("what is tied to its owner pays under a contract", model.Model, "may_pay", lambda *_: None),
    ("late declarations freeze nothing", model.Model, "late_month", lambda *_: 0),
    ("what is carved out counts", model.Model, "left_out", lambda *_: []),
    ("royalty without a cap", model.Model, "royalty_cap", lambda *_: 10**30),
    ("claims are recovered before they are paid", model.Model, "to_recover",
     lambda self, contract: contract.by_guarantor - contract.recovered),
    ("the operator's escrow is not kept", model.Model, "lease_guarantee_kept", lambda *_: 0),
    ("guarantees by their number alone", guarantees, "turn", lambda contract: contract.contract),
    ("amendments keep their place", guarantees, "takes_more", lambda *_: False),
    ("the smallest balances first", model.Model, "earned",
     lambda self, account, earned=model.Model.earned: earned(self, account)[::-1]),
    ("pledges of other operators count", model.Model, "other_guarantees",
     lambda self, contract: [c for c in self.in_force("lease_guarantee") if c is not contract]),
]




def counted_too(self, op, apply=model.Model.mint_apply):
    self.count_alone("mint", sum(output["amount_ucr"] for output in op["outputs"]))
    apply(self, op)


def no_flow(name):
    """The operation, but for the flows that it leaves."""
    operation = getattr(model.Model, name)

    def operate(self, account, op):
        with unittest.mock.patch.object(model.Model, "flow", lambda *_: None):
            return operation(self, account, op)
    return operate


# And of what several admins do, of pledges and of flows.
CONTROLS = [
    ("what was approved counts for the day", model.Model, "mint_apply", counted_too),
    ("each amount counts alone", model.Model, "beyond",
     lambda self, limit, key, amount: limit != 0 and amount > limit),
    ("the day never ends", model.Model, "today", lambda *_: 0),
    ("frozen admins have approved", model.Model, "counting",
     lambda self, proposal: list(proposal.approved)),
    ("what is too old leaves no word", model.Model, "proposal_due",
     lambda self, proposal: setattr(proposal, "state", "expired")),
    ("what cannot be done is approved", model.Model, "carry_check", lambda *_: None),
    ("one admin makes others", model.Model, "alone_is_too_few", lambda *_: False),
    ("nothing is pledged", model.Model, "is_pledged", lambda *_: False),
    ("balances are not drawn on", model.Model, "drawable", lambda *_: []),
    ("claims paid of balances are no flow", model.Model, "claim_pay", no_flow("claim_pay")),
    ("payouts are no flow", model.Model, "payout_apply", no_flow("payout_apply")),
    ("months of thirty days", flows, "month_of",
     lambda time_s: time_s - time_s % (30 * 86400)),
]


class Planted(unittest.TestCase):
    """The test finds what it is for."""

    def found(self, name, fault=None, weights=WEIGHTS, seeds=4 * PLANTED_SEEDS):
        steps = 400 if weights in (PARTNERS, ADMINS) else 500
        for seed in range(7, 7 + seeds):
            _, difference, _ = tell(seed, steps, fault, weights)
            if difference is not None:
                return
        self.fail(f"not found: {name}")

    def test_wrong_answers_are_found(self):
        for name, fault in ANSWERS.items():
            self.found(name, fault)

    def test_a_wrong_model_is_found(self):
        for name, where, what, instead in MODEL:
            with unittest.mock.patch.object(where, what, instead):
                self.found(name, weights=MARKET)

    def test_a_model_of_wrong_contracts_is_found(self):
        for name, where, what, instead in CONTRACTS:
            with unittest.mock.patch.object(where, what, instead):
                self.found(name, None, PARTNERS, PARTNER_SEEDS)

    def test_a_model_of_wrong_controls_is_found(self):
        for name, where, what, instead in CONTROLS:
            with unittest.mock.patch.object(where, what, instead):
                self.found(name, None, ADMINS, PARTNER_SEEDS)

    def test_without_a_fault_nothing_is_found(self):
        for seed in range(7, 7 + PLANTED_SEEDS):
            _, difference, _ = tell(seed, 500)
            self.assertIsNone(difference)


if __name__ == "__main__":
    if not program().exists():
        sys.exit(f"there is no {program()}")
    tap.main()
