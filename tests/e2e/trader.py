"""A startup under load that knows what it must own: it keeps several requests on their way, and a
model of its tokens that only acknowledged requests change."""
import collections

from exchange import order, transfer
from messages import decode_event, operation
from proof import Checkpoint, Receipt, leaf_hash, verify_consistency
from wire import Closed

IN_FLIGHT = 8


class Trader:
    """Only this one spends its tokens, and what it pays away goes to `sink`, so that its model
    needs nothing of the others."""

    def __init__(self, client, series, sink, market, rng):
        self.client, self.series, self.sink, self.market = client, series, sink, market
        self.random = rng
        self.pool = {t.token: t.amount_ucr for t in client.tokens(series)}
        self.pending = collections.OrderedDict()  # seq or None -> (request, kind, inputs, amounts)
        self.acknowledged = []
        self.paid = self.escrow = self.burned = 0
        self.leases = 0
        self.receipts = {}
        self.retried = 0

    # --- The model ---

    def pick(self):
        token = self.random.choice(list(self.pool))
        return token, self.pool.pop(token)

    def make(self):
        """A random request over tokens that nothing else on its way touches."""
        kind = self.random.choices(("split", "pay", "merge", "redeem", "burn", "batch"),
                                   (4, 6, 3, 3 if self.market else 0, 1, 2))[0]
        token, amount = self.pick()
        inputs, me = [token], self.client.account
        if kind == "split" and amount > 1:
            part = self.random.randint(1, amount - 1)
            outputs = [(me, part), (me, amount - part)]
            operations = [transfer(inputs, *outputs)]
        elif kind == "pay" and amount > 1:
            outputs = [(self.sink, 1), (me, amount - 1)]
            operations = [transfer(inputs, *outputs)]
        elif kind == "merge" and len(self.pool) > 1:
            other, more = self.pick()
            inputs.append(other)
            outputs = [(me, amount + more)]
            operations = [transfer(inputs, *outputs)]
        elif kind == "redeem" and amount > 10_000:
            # Far enough ahead of the longest run.
            start = self.market.start_s + 60 * self.random.randrange(2 * 60, 24 * 60)
            operations = [operation("order_place", **order(
                self.market.sku, gpus=self.random.randint(1, 8),
                minutes=self.random.randint(1, 60), start_from_s=start, start_until_s=start,
                tokens=inputs))]
            outputs = []
        elif kind == "burn" and amount == 1:
            operations, outputs = [operation("token_burn", inputs=inputs)], []
        else:
            # One operation that must be refused beside one that is accepted.
            kind, outputs = "batch", [(me, amount)]
            operations = [transfer(inputs, (me, amount)), transfer(inputs, (self.sink, amount))]
        request = self.client.prepare(operations, valid_until_s=self.client.now_s() + 590)
        return request, kind, inputs, outputs, amount

    def settle(self, made, reply):
        """An acknowledged request changes the model."""
        request, kind, inputs, outputs, amount = made
        assert reply.refusal == "accepted", f"{kind}: {reply.refusal}"
        result = reply.results[0]
        if kind == "redeem" and result.refusal != "accepted":
            assert result.refusal in ("insufficient_funds", "no_capacity", "size_not_met"), result
            self.pool[inputs[0]] = amount
        else:
            assert result.refusal == "accepted", f"{kind}: {result.refusal}"
        if result.refusal == "accepted":
            if kind == "redeem":
                event = self.event(result.index)
                cost = sum(share.amount_ucr for share in event.escrow)
                self.escrow += cost
                self.leases += result.lease_count
                outputs = [(self.client.account, c.amount_ucr) for c in event.change]
                assert cost + sum(c.amount_ucr for c in event.change) == amount
            elif kind == "burn":
                self.burned += amount
            elif kind == "batch":
                assert reply.results[1].refusal == "token_spent", reply.results
            assert result.token_count == len(outputs)
            for i, (account, value) in enumerate(outputs):
                if account == self.sink:
                    self.paid += value
                else:
                    self.pool[result.token_first + i] = value
        reply = dict(reply)
        reply.pop("seq")
        reply.pop("repeated")
        self.acknowledged.append((request, reply))

    def event(self, index):
        """An event of ours, from its receipt."""
        text = self.client.receipt(index)
        return decode_event(Receipt(text, self.client.pin).event)[1]

    # --- Load ---

    def launch(self):
        made = self.make()
        # Known to be on its way before the first byte is sent: the server may have it whenever the
        # connection breaks.
        key = object()
        self.pending[key] = made
        seq = self.client.send_request(made[0])
        self.pending[seq] = self.pending.pop(key)

    def load(self, stopped, most=None):
        """Until `stopped()`; ends quietly when the server goes away."""
        done = 0
        try:
            while not stopped() and (most is None or done < most):
                while len(self.pending) < IN_FLIGHT and self.pool:
                    self.launch()
                seq = next(iter(self.pending))
                reply = self.client.wait(seq, "reply")
                # A redemption asks for its receipt, during which the server may go away too: the
                # request then counts as not acknowledged and is asked about again.
                self.settle(self.pending[seq], reply)
                del self.pending[seq]
                done += 1
                if self.random.random() < 0.02:
                    self.client.check_log()
                    self.keep_receipt(reply.index)
            self.drain()
        except Closed:
            pass
        return done

    def drain(self):
        for seq in list(self.pending):
            self.settle(self.pending[seq], self.client.wait(seq, "reply"))
            del self.pending[seq]

    def retry(self):
        """Every request that was not acknowledged, once more under its id."""
        for key in list(self.pending):
            made = self.pending[key]
            self.settle(made, self.client.submit(made[0]))
            del self.pending[key]
            self.retried += 1

    # --- What must hold ---

    def keep_receipt(self, index):
        if len(self.receipts) < 200:
            self.receipts[index] = self.client.receipt(index)

    def same_replies(self, count):
        """Requests acknowledged before get the same reply again."""
        now = self.client.now_s()
        live = [(q, r) for q, r in self.acknowledged if q.valid_until_s > now + 5]
        chosen = live[-2:] + self.random.sample(live, min(count, len(live)))
        for request, expected in chosen:
            reply = dict(self.client.submit(request))
            assert reply.pop("repeated"), "an acknowledged request was worked off anew"
            reply.pop("seq")
            assert reply == expected, f"another reply: {reply} instead of {expected}"

    def holdings(self):
        """The exchange's tokens and escrow are exactly those of the model."""
        assert not self.pending
        found = {t.token: t.amount_ucr for t in self.client.tokens(self.series)}
        assert found == self.pool, \
            f"missing {set(self.pool) - set(found)}, surplus {set(found) - set(self.pool)}"
        balance = self.client.balance(self.series)
        assert (balance.escrow_ucr, balance.burned_ucr) == (self.escrow, self.burned), balance

    def old_receipts(self):
        """Receipts kept from before belong to the same log as today's head."""
        for index, text in self.receipts.items():
            old = Receipt(text, self.client.pin)
            answer = self.client.query("checkpoint", old_size=old.checkpoint.size)
            head = Checkpoint(answer.note, self.client.pin)
            verify_consistency(old.checkpoint.size, old.checkpoint.root, head.size, head.root,
                               [row.hash for row in answer.proof])
            fresh = Receipt(self.client.receipt(index), self.client.pin)
            assert leaf_hash(fresh.event) == leaf_hash(old.event), f"event {index} has changed"
