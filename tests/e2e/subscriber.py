"""Follows the log across connections and remembers what it saw."""


class Subscriber:
    """Follows the log across connections and remembers what it saw."""

    def __init__(self, client):
        self.client = client
        self.seen = []
        self.next = 0
        self.seq = None

    def subscribe(self):
        self.seq = self.client.subscribe(self.next)

    def step(self):
        following, events = self.client.events(self.seq)
        assert following >= self.next, "the position went back"
        for event in events:
            assert self.next <= event[0] < following, "an event outside its frame's span"
        assert all(a[0] < b[0] for a, b in zip(events, events[1:])), "events out of order"
        self.seen += events
        self.next = following

    def follow(self, size):
        while self.next < size:
            self.step()

    def indexes(self):
        return [event[0] for event in self.seen]
