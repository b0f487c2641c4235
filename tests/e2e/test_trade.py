"""The whole way of a trade through an independent client, and what is refused on it."""
import struct
import unittest

import tap
from exchange import CREDIT, HOUR, Exchange, boursed, order, transfer, world
from keys import Keys, Pin, seal, sha256
from messages import decode_event, operation, token_reference
from proof import ProofError, Receipt, leaf_hash, tree_root
from wire import PURPOSE_CLAIM, PURPOSE_REKEY, Refused

DAY = 24 * HOUR


def claim_proof(claim, exchange_id, gift, sign_key, channel_key):
    return claim.sign(PURPOSE_CLAIM, exchange_id, struct.pack(">Q", gift) + sign_key + channel_key)


class Story(unittest.TestCase):
    def test_whole_way(self):
        """mint, transfer, offer, quote, redeem, activate, meter, dispute, decide, settle, verify"""
        with Exchange() as x:
            w = world(x)
            minted, = x.mint(w.series, (w.alice, 1000 * CREDIT))

            # A transfer pays with change; its result names what it issued.
            reply = w.alice.request(transfer([minted], (w.bob.account, 300 * CREDIT),
                                             (w.alice.account, 700 * CREDIT)))
            paid = reply.results[0]
            self.assertEqual((paid.refusal, paid.token_count), ("accepted", 2))
            self.assertEqual([t.amount_ucr for t in w.bob.tokens()], [300 * CREDIT])
            change = paid.token_first + 1
            self.assertEqual([(t.token, t.amount_ucr) for t in w.alice.tokens()],
                             [(change, 700 * CREDIT)])

            # A quote costs nothing and its body can be sent back unchanged.
            x.advance(to_s=w.alice.query("offers", offer=w.offer).rows[0].start_s)
            fields = order(w.sku, gpus=8, minutes=120, tokens=[change])
            quote = w.alice.query("quote", **fields, why=True)
            cost = 8 * 2 * 3 * CREDIT
            self.assertEqual((quote.refusal, quote.cost_ucr, quote.gpus), ("accepted", cost, 8))
            self.assertEqual(quote.matching, 1)
            self.assertEqual(w.alice.balance(w.series).escrow_ucr, 0)

            redeemed = w.alice.do("order_place", **fields)
            self.assertEqual((redeemed.lease_count, redeemed.token_count), (1, 1))
            lease = redeemed.lease_first
            row = w.alice.query("leases", lease=lease).rows[0]
            self.assertEqual((row.state, row.cost_ucr, row.escrow_ucr, row.gpus, row.periods),
                             ("granted", cost, cost, 8, 2))
            balance = w.alice.balance(w.series)
            self.assertEqual((balance.tokens_ucr, balance.escrow_ucr), (700 * CREDIT - cost, cost))
            self.assertEqual(w.alice.query("offers", offer=w.offer).rows[0].free_gpus, 992)

            # The operator hands over the access; only the startup can open it.
            access = b"ssh gpu@198.51.100.7 -p 2222  # token 5ecret"
            w.operator.do("lease_activate", lease=lease, access=seal(w.alice.keys.channel_public,
                                                                     access))
            sealed = w.alice.query("access", lease=lease).sealed
            self.assertEqual(w.alice.keys.open(sealed), access)
            self.assertNotIn(b"5ecret", sealed)
            with self.assertRaises(Refused):
                w.bob.query("access", lease=lease)

            # One hour as promised, one hour of which something is missing.
            self.assertEqual(w.operator.refusal_of("lease_meter", lease=lease, period=0,
                                                   gpu_minutes=480), "period_not_over")
            x.advance(HOUR)
            w.operator.do("lease_meter", lease=lease, period=0, gpu_minutes=480)
            x.advance(HOUR)
            w.operator.do("lease_meter", lease=lease, period=1, gpu_minutes=400)
            w.alice.do("lease_dispute", lease=lease, period=1, gpu_minutes=300, reason="node down")
            decided = w.admin.do("dispute_decide", lease=lease, period=1, gpu_minutes=350,
                                 reason="logs of both")
            per_minute = 3 * CREDIT // 60
            self.assertEqual(w.operator.balance(w.series).balance_ucr, 350 * per_minute)
            x.advance(DAY + 60)

            row = w.alice.query("leases", lease=lease).rows[0]
            self.assertEqual((row.state, row.escrow_ucr, row.paid_ucr, row.refunded_ucr),
                             ("settled", 0, 830 * per_minute, 130 * per_minute))
            self.assertEqual(w.operator.balance(w.series).balance_ucr, 830 * per_minute)
            balance = w.alice.balance(w.series)
            self.assertEqual((balance.tokens_ucr, balance.escrow_ucr),
                             (700 * CREDIT - 830 * per_minute, 0))
            periods = w.alice.rows("periods", lease=lease)
            self.assertEqual([(p.state, p.gpu_minutes_settled) for p in periods],
                             [("settled", 480), ("settled", 350)])
            site = w.bob.query("sites", site=w.site).rows[0]
            self.assertEqual((site.gpu_minutes_due, site.gpu_minutes_delivered), (960, 830))
            self.assertEqual(site.reliability_ppm, 830 * 1_000_000 // 960)

            # Payout, and the books as everybody sees them.
            w.operator.do("payout", series=w.series, amount_ucr=40 * CREDIT, reference="invoice 7")
            self.assertEqual(w.operator.refusal_of("payout", series=w.series,
                                                   amount_ucr=10 * CREDIT, reference="again"),
                             "insufficient_funds")
            supply = w.bob.query("supply", series=w.series).rows[0]
            self.assertEqual((supply.minted_ucr, supply.paid_out_ucr),
                             (1000 * CREDIT, 40 * CREDIT))
            x.books()

            # Receipts of the events verify under the pin alone, and under no other.
            text = w.alice.receipt(redeemed.index)
            receipt = Receipt(text, Pin(x.pin.line))
            name, event = decode_event(receipt.event)
            self.assertEqual((name, event.leases[0].lease, event.escrow[0].amount_ucr),
                             ("order_placed", lease, cost))
            w.alice.receipt(decided.index)
            with self.assertRaises(ProofError):
                Receipt(text.replace(b"index %d\n" % receipt.index,
                                     b"index %d\n" % (receipt.index + 1)), x.pin)
            with Exchange(start=False) as other, self.assertRaises(ProofError):
                Receipt(text, other.pin)
            with self.assertRaises(Refused):
                w.bob.query("receipt", index=redeemed.index)

            # Nobody but the admin sees all of the log; it adds up to the signed root.
            size = w.admin.check_log().size
            events = w.admin.events_until(w.admin.subscribe(0), size)
            self.assertEqual([e[0] for e in events[:size]], list(range(size)))
            leaves = [leaf_hash(e[3]) for e in events[:size]]
            head = w.admin.check_log()
            if head.size == size:
                self.assertEqual(tree_root(leaves), head.root)
            x.stop()
            x.check()

    def test_request_is_a_leaf(self):
        """the event of a request names its hash and its operations' events"""
        with Exchange() as x:
            w = world(x)
            token, = x.mint(w.series, (w.alice, 10))
            request = w.alice.prepare([transfer([token], (w.alice.account, 10)),
                                       transfer([token], (w.bob.account, 10))])
            reply = w.alice.submit(request)
            self.assertEqual([r.refusal for r in reply.results], ["accepted", "token_spent"])
            name, event = decode_event(Receipt(w.alice.receipt(reply.index), x.pin).event)
            self.assertEqual(name, "request")
            self.assertEqual(event.body_hash, sha256(request.body))
            self.assertEqual((event.accepted, event.first_index), (1, reply.results[0].index))
            self.assertEqual([(r.operation, r.refusal) for r in event.refusals],
                             [(1, "token_spent")])

    def test_gift_to_a_newcomer(self):
        """somebody without an account registers with a gift; the giver can take others back"""
        with Exchange() as x:
            w = world(x)
            minted, = x.mint(w.series, (w.alice, 100 * CREDIT))
            claim = Keys.named("claim code")
            given = w.alice.do("token_give", inputs=[minted], amount_ucr=60 * CREDIT,
                               claim_key=claim.sign_public)
            gift, change = given.object, given.token_first
            self.assertEqual(w.alice.balance(w.series).gifts_ucr, 60 * CREDIT)
            x.books()
            new = x.visitor("newcomer")
            self.assertEqual(new.account, 0)
            keys = new.keys
            wrong = claim_proof(Keys.named("guess"), x.pin.exchange_id, gift, keys.sign_public,
                                keys.channel_public)
            values = {"gift": gift, "name": "newcomer", "channel_key": keys.channel_public}
            self.assertEqual(new.refusal_of("gift_claim", **values, proof=wrong), "bad_proof")
            proof = claim_proof(claim, x.pin.exchange_id, gift, keys.sign_public,
                                keys.channel_public)
            thief = x.visitor("thief")
            self.assertEqual(thief.refusal_of("gift_claim", **{
                **values, "channel_key": thief.keys.channel_public}, proof=proof), "bad_proof")
            request = new.prepare(operation("gift_claim", **values, proof=proof))
            claimed = new.submit(request).results[0]
            self.assertEqual(claimed.refusal, "accepted")
            again = new.submit(request)
            self.assertEqual((again.repeated, again.results), (True, [claimed]))
            new.connect()
            self.assertEqual(new.account, claimed.object)
            self.assertEqual([(t.token, t.amount_ucr) for t in new.tokens()],
                             [(claimed.token_first, 60 * CREDIT)])
            self.assertEqual(w.alice.refusal_of("gift_revoke", gift=gift), "gift_not_found")

            back = w.alice.do("token_give", inputs=[change], amount_ucr=40 * CREDIT,
                              claim_key=claim.sign_public).object
            self.assertEqual(w.bob.refusal_of("gift_revoke", gift=back), "not_owner")
            w.alice.do("gift_revoke", gift=back)
            self.assertEqual(w.alice.balance(w.series).tokens_ucr, 40 * CREDIT)
            x.books()
            new.close()
            thief.close()

    def test_batches(self):
        """later operations see earlier ones; an atomic request is undone as a whole"""
        with Exchange() as x:
            w = world(x)
            token, = x.mint(w.series, (w.alice, 100))
            a, b = w.alice.account, w.bob.account
            chain = [transfer([token], (a, 60), (a, 40)),
                     transfer([token_reference(0, 1)], (b, 40)),
                     transfer([token_reference(0, 0)], (a, 59), (b, 1))]
            bad = w.alice.request(chain + [transfer([token], (a, 100))], atomic=True)
            self.assertEqual([r.refusal for r in bad.results],
                             ["batch_aborted"] * 3 + ["token_spent"])
            self.assertEqual([t.token for t in w.alice.tokens()], [token])
            good = w.alice.request(chain, atomic=True)
            self.assertEqual([r.refusal for r in good.results], ["accepted"] * 3)
            self.assertEqual(w.bob.balance(w.series).tokens_ucr, 41)
            self.assertEqual(w.alice.balance(w.series).tokens_ucr, 59)
            loose = w.alice.request([transfer([token_reference(1, 0)], (a, 1)),
                                     transfer([good.results[2].token_first], (b, 59))])
            self.assertEqual([r.refusal for r in loose.results],
                             ["reference_invalid", "accepted"])
            x.books()


class Leases(unittest.TestCase):
    def redeem(self, x, w, minutes=120, **values):
        x.mint(w.series, (w.alice, 1000 * CREDIT))
        x.advance(to_s=w.alice.query("offers", offer=w.offer).rows[0].start_s)
        result = w.alice.do("order_place", **order(
            w.sku, minutes=minutes, tokens=[t.token for t in w.alice.tokens()], **values))
        return result.lease_first

    def activate(self, w, lease):
        w.operator.do("lease_activate", lease=lease,
                      access=seal(w.alice.keys.channel_public, b"access"))

    def test_not_activated(self):
        """a lease that is not activated in time fails and its escrow returns"""
        with Exchange() as x:
            w = world(x)
            lease = self.redeem(x, w)
            x.advance(30 * 60 + 61)
            row = w.alice.query("leases", lease=lease).rows[0]
            self.assertEqual((row.state, row.end_reason, row.escrow_ucr),
                             ("failed", "not_activated", 0))
            self.assertEqual(w.alice.balance(w.series).tokens_ucr, 1000 * CREDIT)
            self.assertEqual(w.operator.refusal_of("lease_activate", lease=lease, access=b"late"),
                             "activation_too_late")
            site = w.alice.query("sites", site=w.site).rows[0]
            self.assertEqual((site.leases_failed, site.reliability_ppm), (1, 0))
            self.assertEqual(w.alice.query("offers", offer=w.offer).rows[0].free_gpus, 1000)
            x.books()

    def test_not_metered(self):
        """a period without a meter report counts as not delivered"""
        with Exchange() as x:
            w = world(x)
            lease = self.redeem(x, w)
            self.activate(w, lease)
            x.advance(HOUR)
            w.operator.do("lease_meter", lease=lease, period=0, gpu_minutes=480)
            x.advance(HOUR + DAY + 60)
            self.assertEqual(w.operator.refusal_of("lease_meter", lease=lease, period=1,
                                                   gpu_minutes=480), "meter_too_late")
            row = w.alice.query("leases", lease=lease).rows[0]
            self.assertEqual((row.state, row.paid_ucr, row.refunded_ucr),
                             ("settled", 24 * CREDIT, 24 * CREDIT))
            self.assertEqual(w.alice.query("sites", site=w.site).rows[0].reliability_ppm, 500_000)
            x.books()

    def test_ended_by_the_holder(self):
        """the startup ends a lease early; the rest of its escrow returns"""
        with Exchange() as x:
            w = world(x)
            committed = self.redeem(x, w, minutes=600)
            self.assertEqual(w.alice.refusal_of("lease_end", lease=committed), "lease_committed")
            lease = self.redeem(x, w, minutes=600, profile="tuning")
            self.activate(w, lease)
            x.advance(2 * HOUR)
            w.alice.do("lease_end", lease=lease)
            row = w.alice.query("leases", lease=lease).rows[0]
            self.assertEqual((row.state, row.end_reason), ("ended", "ended_by_holder"))
            self.assertLess(row.end_s - row.start_s, 600 * 60)
            for period in range((row.end_s - row.start_s) // HOUR):
                w.operator.do("lease_meter", lease=lease, period=period, gpu_minutes=480)
            x.advance(2 * DAY + 2 * HOUR)
            row = w.alice.query("leases", lease=lease).rows[0]
            self.assertEqual((row.state, row.escrow_ucr), ("settled", 0))
            self.assertEqual(row.paid_ucr, 48 * CREDIT)
            self.assertEqual(w.alice.balance(w.series).tokens_ucr, 1952 * CREDIT)
            x.books()

    def test_operator_may_not_end_it(self):
        """an operator ends a lease early only where the offer says preemptible"""
        with Exchange() as x:
            w = world(x)
            lease = self.redeem(x, w)
            self.activate(w, lease)
            self.assertEqual(w.operator.refusal_of("lease_end", lease=lease), "not_preemptible")
            start = x.now_s() // 60 * 60 + 60
            cheap = x.offer(w.operator, w.site, w.sku, price=CREDIT, start_s=start,
                            preemptible=True, notice_min=10)
            x.advance(to_s=start)
            tokens = [t.token for t in w.alice.tokens()]
            self.assertEqual(w.alice.query("quote", **order(w.sku, limit=CREDIT)).refusal,
                             "price_above_limit")
            spot = w.alice.do("order_place", **order(w.sku, limit=CREDIT, minutes=300,
                                                     profile="tuning", preemptible_ok=True,
                                                     tokens=tokens))
            self.activate(w, spot.lease_first)
            row = w.alice.query("leases", lease=spot.lease_first).rows[0]
            self.assertEqual(row.offer, cheap)
            w.operator.do("lease_end", lease=spot.lease_first)
            row = w.alice.query("leases", lease=spot.lease_first).rows[0]
            self.assertEqual(row.end_reason, "ended_by_operator")
            self.assertEqual(row.end_s, start + 600)
            x.advance(600 + DAY + 60)
            x.books()

    def test_two_series(self):
        """an order is paid from its series pro rata, and refunds return in the series that paid"""
        with Exchange() as x:
            w = world(x)
            other = x.series("second")
            first, = x.mint(w.series, (w.alice, 300 * CREDIT))
            second, = x.mint(other, (w.alice, 100 * CREDIT))
            x.advance(to_s=w.alice.query("offers", offer=w.offer).rows[0].start_s)
            redeemed = w.alice.do("order_place", **order(w.sku, minutes=60,
                                                         tokens=[first, second]))
            self.assertEqual(redeemed.token_count, 2)
            self.assertEqual((w.alice.balance(w.series).escrow_ucr,
                              w.alice.balance(other).escrow_ucr), (18 * CREDIT, 6 * CREDIT))
            self.activate(w, redeemed.lease_first)
            x.advance(HOUR)
            w.operator.do("lease_meter", lease=redeemed.lease_first, period=0, gpu_minutes=240)
            x.advance(DAY + 60)
            self.assertEqual((w.operator.balance(w.series).balance_ucr,
                              w.operator.balance(other).balance_ucr), (9 * CREDIT, 3 * CREDIT))
            self.assertEqual((w.alice.balance(w.series).tokens_ucr,
                              w.alice.balance(other).tokens_ucr), (291 * CREDIT, 97 * CREDIT))
            x.books()


class Refusals(unittest.TestCase):
    def test_forbidden_things(self):
        """each forbidden thing gives its refusal and changes nothing"""
        with Exchange() as x:
            w = world(x)
            short = x.series("locked", transferable=False)
            mine, = x.mint(w.series, (w.alice, 100 * CREDIT))
            his, = x.mint(w.series, (w.bob, 100 * CREDIT))
            locked, = x.mint(short, (w.alice, CREDIT))
            x.advance(to_s=w.alice.query("offers", offer=w.offer).rows[0].start_s)
            a, b, o = w.alice, w.bob, w.operator
            to_a = [{"account": a.account, "amount_ucr": 100 * CREDIT}]
            to_b = [{"account": b.account, "amount_ucr": 100 * CREDIT}]
            key = Keys.named("somebody")
            both = {"sign_key": key.sign_public, "channel_key": key.channel_public}
            start = x.now_s()
            publish = {"site": w.site, "sku": w.sku, "gpus": 8, "block_gpus": 1, "start_s": start,
                       "end_s": start + DAY, "price_ucr": 1, "lease_min_min": 1,
                       "billing": "reserved", "meter_period_min": 60}
            pay = {**order(w.sku), "tokens": [mine]}
            rows = [
                # who, operation, fields, refusal
                (a, "mint", {"series": w.series, "outputs": to_a}, "not_permitted"),
                (o, "mint", {"series": w.series, "outputs": to_a}, "not_permitted"),
                (a, "account_register", {"name": "x", "role": "admin", **both}, "not_permitted"),
                (a, "sku_add", {"name": "s", "vendor": "v", "model": "m", "memory_gb": 1,
                                "power_w": 1}, "not_permitted"),
                (a, "site_add", {"name": "s", "region": "US", "jurisdiction": "US",
                                 "power_kw": 1}, "not_permitted"),
                (a, "offer_publish", publish, "not_permitted"),
                (w.admin, "order_place", {**order(w.sku), "tokens": [his]}, "not_permitted"),
                (a, "account_freeze", {"account": b.account}, "not_permitted"),
                (a, "clock_advance", {"time_s": start + 60}, "not_permitted"),
                (a, "payout", {"series": w.series, "amount_ucr": 1, "reference": "r"},
                 "not_permitted"),
                (a, "token_transfer", {"inputs": [his], "outputs": to_a}, "not_owner"),
                (w.admin, "token_transfer", {"inputs": [his], "outputs": to_a}, "not_owner"),
                (a, "token_transfer", {"inputs": [mine], "outputs": [
                    {"account": 999, "amount_ucr": 100 * CREDIT}]}, "account_not_found"),
                (a, "token_transfer", {"inputs": [locked], "outputs": [
                    {"account": b.account, "amount_ucr": CREDIT}]}, "series_not_transferable"),
                (a, "token_transfer", {"inputs": [9999], "outputs": to_b}, "token_not_found"),
                (a, "token_transfer", {"inputs": [mine, mine], "outputs": to_b}, "token_twice"),
                (a, "token_transfer", {"inputs": [mine, locked], "outputs": to_b},
                 "series_mixed"),
                (a, "token_transfer", {"inputs": [mine], "outputs": [
                    {"account": b.account, "amount_ucr": 99 * CREDIT}]}, "totals_differ"),
                (a, "token_transfer", {"inputs": [mine], "outputs": to_b + [
                    {"account": b.account, "amount_ucr": 0}]}, "amount_zero"),
                (a, "token_transfer", {"inputs": [mine], "outputs": [
                    {"account": b.account, "amount_ucr": 2**64 - 1}] * 2}, "totals_differ"),
                (w.admin, "mint", {"series": w.series, "outputs": [
                    {"account": b.account, "amount_ucr": 2**64 - 1}] * 2}, "amount_overflow"),
                (w.admin, "mint", {"series": w.series, "outputs": [
                    {"account": b.account, "amount_ucr": 10**18}]}, "amount_overflow"),
                (a, "token_burn", {"inputs": [his]}, "not_owner"),
                (a, "token_give", {"inputs": [mine], "amount_ucr": 101 * CREDIT,
                                   "claim_key": key.sign_public}, "insufficient_funds"),
                (w.admin, "account_register", {"name": "alice", "role": "startup", **both},
                 "name_taken"),
                (w.admin, "account_register", {"name": "y", "role": "startup",
                                               "sign_key": a.keys.sign_public,
                                               "channel_key": key.channel_public}, "key_taken"),
                (w.admin, "sku_add", {"name": "gb300-nvl72", "vendor": "v", "model": "m",
                                      "memory_gb": 1, "power_w": 1}, "sku_taken"),
                (o, "site_add", {"name": "hall-1", "region": "US", "jurisdiction": "US",
                                 "power_kw": 1}, "site_taken"),
                (w.admin, "series_create", {"name": "main", "funder": w.admin.account,
                                            "expired_to": w.admin.account}, "series_taken"),
                (w.admin, "series_create", {"name": "z", "funder": a.account,
                                            "expired_to": a.account}, "role_not_allowed"),
                (w.admin, "series_create", {"name": "z", "funder": w.admin.account,
                                            "expired_to": w.admin.account, "expires_s": start},
                 "expiry_in_past"),
                (w.admin, "mint", {"series": 77, "outputs": to_a}, "series_not_found"),
                (o, "offer_publish", {**publish, "site": 99}, "site_not_found"),
                (o, "offer_publish", {**publish, "sku": 99}, "sku_not_found"),
                (o, "offer_publish", {**publish, "gpus": 10, "block_gpus": 4}, "block_invalid"),
                (o, "offer_publish", {**publish, "end_s": start}, "interval_invalid"),
                (o, "offer_publish", {**publish, "start_s": start + 1}, "interval_invalid"),
                (o, "offer_publish", {**publish, "start_s": start - DAY, "end_s": start - HOUR},
                 "interval_in_past"),
                (o, "offer_publish", {**publish, "gpus": 80_000}, "power_exceeded"),
                (o, "offer_publish", {**publish, "lease_min_min": 10, "lease_max_min": 5},
                 "terms_invalid"),
                (o, "offer_withdraw", {"offer": 99}, "offer_not_found"),
                (a, "order_place", {**pay, "tokens": [his]}, "not_owner"),
                (a, "order_place", {**pay, "gpus": 1001, "gpus_min": 1001}, "size_not_met"),
                (a, "order_place", {**pay, "regions": [{"code": "FR"}]}, "no_capacity"),
                (a, "order_place", {**pay, "skus": [{"sku": w.sku, "limit_price_ucr": 1}]},
                 "price_above_limit"),
                (a, "order_place", {**pay, "gpus": 900, "gpus_min": 900},
                 "insufficient_funds"),
                (o, "lease_activate", {"lease": 1, "access": b""}, "lease_not_found"),
                (a, "lease_end", {"lease": 1}, "lease_not_found"),
                (a, "gift_revoke", {"gift": 1}, "gift_not_found"),
                (w.admin, "clock_advance", {"time_s": start - 1}, "time_backwards"),
                (w.admin, "account_unfreeze", {"account": a.account}, "already_so"),
            ]
            before = [a.tokens(), b.tokens(), a.query("offers").rows]
            for who, name, values, refusal in rows:
                with self.subTest(operation=name, refusal=refusal):
                    self.assertEqual(who.refusal_of(name, **values), refusal)
            self.assertEqual([a.tokens(), b.tokens(), a.query("offers").rows], before)
            x.books()

    def test_funnel(self):
        """a quote says at which dimension how many offers fell"""
        with Exchange() as x:
            w = world(x)
            other_sku = x.sku("h100-sxm-80gb", power_w=700)
            far = x.site(w.operator, "batam-1", region="ID", jurisdiction="SG", power_kw=360_000)
            for sku, site, values in ((other_sku, w.site, {}), (w.sku, far, {}),
                                      (w.sku, w.site, {"price": 50 * CREDIT}),
                                      (w.sku, w.site, {"gpus": 4}),
                                      (w.sku, w.site, {"preemptible": True})):
                x.offer(w.operator, site, sku, **values)
            x.advance(to_s=w.alice.query("offers", offer=w.offer).rows[0].start_s)
            quote = w.alice.query("quote", **order(w.sku, regions=[{"code": "US"}]), why=True)
            self.assertEqual((quote.refusal, quote.offers), ("accepted", 6))
            fell = {row.dimension: row.offers for row in quote.funnel}
            self.assertEqual({k: fell.get(k) for k in ("sku", "region", "preemptible", "price")},
                             {"sku": 1, "region": 1, "preemptible": 1, "price": 1})
            self.assertEqual(sum(fell.values()) + quote.matching, quote.offers)

    def test_accounts(self):
        """frozen accounts can do nothing; a replaced key signs nothing more"""
        with Exchange() as x:
            w = world(x)
            token, = x.mint(w.series, (w.alice, 100))
            w.admin.do("account_freeze", account=w.alice.account, reason="a question")
            pay = transfer([token], (w.bob.account, 100))
            self.assertEqual(w.alice.request(pay).refusal, "account_frozen")
            w.admin.do("account_unfreeze", account=w.alice.account)
            new = Keys.named("alice's new key")
            old = w.alice.keys
            proof = new.sign(PURPOSE_REKEY, x.pin.exchange_id, struct.pack(
                ">I", w.alice.account) + new.sign_public + new.channel_public)
            values = {"sign_key": new.sign_public, "channel_key": new.channel_public}
            self.assertEqual(w.alice.refusal_of("account_rekey", **values, proof=bytes(64)),
                             "bad_proof")
            w.alice.do("account_rekey", **values, proof=proof)
            self.assertEqual(w.alice.request(pay).refusal, "key_replaced")
            w.alice.keys = new
            w.alice.connect()
            self.assertEqual(w.alice.request(pay).results[0].refusal, "accepted")
            w.alice.keys = old
            w.alice.connect()
            self.assertEqual(w.alice.account, 0)

    def test_expiry(self):
        """expired value cannot be spent and goes to the series' account"""
        with Exchange() as x:
            w = world(x)
            soon = x.series("soon", expires_s=x.now_s() + HOUR, expired_to=w.bob.account)
            token, = x.mint(soon, (w.alice, 7))
            x.advance(HOUR)
            self.assertIn(w.alice.refusal_of("token_transfer", inputs=[token], outputs=[
                {"account": w.bob.account, "amount_ucr": 7}]), ("series_expired", "token_spent"))
            self.assertEqual(w.bob.balance(soon).expired_ucr, 7)
            self.assertEqual(w.alice.balance(soon).tokens_ucr, 0)
            supply = w.bob.query("supply", series=soon).rows[0]
            self.assertEqual((supply.tokens_ucr, supply.expired_ucr), (0, 7))
            x.books()

    def test_privacy(self):
        """an account sees its own; an auditor sees all; strangers see what is public"""
        with Exchange() as x:
            w = world(x)
            auditor = x.account("auditor", "auditor")
            x.mint(w.series, (w.alice, 5))
            self.assertEqual(len(auditor.tokens(account=w.alice.account)), 1)
            for who, refusal in ((w.bob, "not_visible"), (x.client("stranger"), "unknown_account")):
                with self.assertRaises(Refused) as caught:
                    who.tokens(account=w.alice.account)
                self.assertEqual(caught.exception.refusal, refusal)
            self.assertEqual(auditor.refusal_of("token_burn", inputs=[1]), "not_permitted")
            stranger = x.client("stranger")
            self.assertEqual(len(stranger.query("offers").rows), 1)
            self.assertEqual(stranger.request(operation("token_burn", inputs=[1])).refusal,
                             "unknown_account")


class Seeded(unittest.TestCase):
    def test_init_twice(self):
        """init does not touch a directory that is an exchange already"""
        with Exchange(start=False) as x:
            again = boursed("init", "--data", x.data, "--origin", "example.org/x", "--admin",
                            x.admin_keys.text())
            self.assertNotEqual(again.returncode, 0)
            self.assertIn(str(x.data), again.stderr)
            x.start()
            x.serves()


tap.main()
