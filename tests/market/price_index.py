"""The price index made anew of the public events alone, as docs/protocol.md says anybody can."""

HOUR_S = 3600
STALE_S = 86400
COMMITTED_MIN = 30 * 24 * 60
CHAIN_FIRST = 1000000
CHAIN_MAX = 10**18


def level_of(trades):
    """Of (price, GPU-minutes) in their order: the mean of what a cut at each end leaves."""
    whole = sum(minutes for _, minutes in trades)
    cut = whole * 10 // 100
    first, last, at, worth = cut, whole - cut, 0, 0
    for price, minutes in trades:
        left = max(min(at + minutes, last) - max(at, first), 0)
        worth += price * left
        at += minutes
    return worth // (last - first)


class PriceIndex:
    def __init__(self):
        self.trades = []  # (time, sku, kind, region, price, number, GPU-minutes)
        self.chains = {}  # (sku, kind) to (chain, regions as {region: (GPU-minutes, level)})
        self.hour_s = 0   # of the last points
        self.least = {}   # by trade: GPU-minutes with which it counts

    def add(self, time_s, trade, start_s, end_s):
        if trade["preemptible"] or trade["resale"]:
            return
        minutes = (end_s - start_s) // 60
        kind = "committed" if minutes >= COMMITTED_MIN else "spot"
        self.trades.append((time_s, trade["sku"], kind, trade["region"], trade["price_ucr"],
                            trade["trade"], minutes * trade["gpus"]))
        self.least[trade["trade"]] = COMMITTED_MIN * trade["gpus"] if kind == "committed" else 1

    def cut(self, trade, minutes):
        """Not all of it counts any more."""
        self.trades = [t[:6] + (minutes,) if t[5] == trade else t for t in self.trades]

    def counting(self, hour_s):
        return [t for t in self.trades
                if hour_s - STALE_S <= t[0] < hour_s and t[6] >= self.least[t[5]]]

    def due(self, now_s):
        """The hour whose points should be there by now, or None."""
        hour_s = now_s // HOUR_S * HOUR_S
        return hour_s if self.counting(hour_s) else None

    def publish(self, time_s):
        """The points of an hour, by SKU and kind: (level, chain, trades, GPU-minutes)."""
        hour_s = time_s // HOUR_S * HOUR_S
        self.hour_s = hour_s
        points = {}
        by_kind = {}
        for trade in self.counting(hour_s):
            by_kind.setdefault(trade[1:3], []).append(trade)
        for key, trades in by_kind.items():
            trades.sort(key=lambda t: (t[4], t[5]))
            regions = {}
            for trade in trades:
                regions.setdefault(trade[3], []).append((trade[4], trade[6]))
            now = {name: (sum(m for _, m in parts), level_of(parts))
                   for name, parts in regions.items()}
            chain = self.chain_of(key, now)
            self.chains[key] = (chain, now)
            points[key] = (level_of([(t[4], t[6]) for t in trades]), chain, len(trades),
                           sum(t[6] for t in trades))
        return points

    def chain_of(self, key, now):
        if key not in self.chains:
            return CHAIN_FIRST
        chain, before = self.chains[key]
        both = [name for name in now if name in before]
        above = sum(before[name][0] * now[name][1] for name in both)
        below = sum(before[name][0] * before[name][1] for name in both)
        if above == 0 or below == 0:
            return chain
        return min(max(chain * above // below, 1), CHAIN_MAX)
