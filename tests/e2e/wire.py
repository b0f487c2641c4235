"""An independent client of the protocol: socket, Noise channel, frames, requests, queries and
subscriptions. Blocking; one thread at a time uses a connection."""
import collections
import os
import random
import socket
import struct
import threading
import time

import messages
from keys import Pin
from messages import TABLE, Coded, Record, operation
from noise import Initiator, NoiseError
from proof import Receipt, Witness

PREAMBLE = b"BOURSE" + (1).to_bytes(2, "big")
PURPOSE_REQUEST = "bourse/request/v1"
PURPOSE_REKEY = "bourse/rekey/v1"
PURPOSE_CLAIM = "bourse/claim/v1"
VALID_S = 300
TIMEOUT_S = 60.0 if os.environ.get("BOURSE_SANITIZED") == "1" else 30.0


class Closed(Exception):
    """The server hung up or is not there."""


class WireError(Exception):
    """The server said that it could not handle a frame."""

    def __init__(self, seq, error, message):
        super().__init__(f"{error}: {message}")
        self.seq, self.error, self.message = seq, error, message


class Refused(Exception):
    """An operation, request or query was refused."""

    def __init__(self, refusal, reply=None):
        super().__init__(refusal)
        self.refusal, self.reply = refusal, reply


class Channel:
    """The encrypted connection; frames in and out as bytes. Hostile tests reach into its parts."""

    def __init__(self, address, pin, keys, timeout=TIMEOUT_S, preamble=PREAMBLE, responder=None,
                 receive_buffer=0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.plain = bytearray()
        self.noise = None
        try:
            self.socket.connect(address)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.handshake(pin, keys, preamble, responder or pin.channel)
        except (ConnectionError, OSError) as error:
            self.close()
            raise Closed(str(error)) from error
        except BaseException:
            self.close()
            raise

    def handshake(self, pin, keys, preamble, responder):
        self.write(preamble)
        self.peer_preamble = self.read(len(PREAMBLE))
        noise = Initiator(keys.channel_secret, responder, preamble + self.peer_preamble)
        self.write_message(noise.first())
        self.write_message(noise.second(self.read_message()))
        self.noise = noise

    def close(self):
        self.socket.close()

    def write(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Closed(str(error)) from error

    def read(self, count):
        data = bytearray()
        while len(data) < count:
            try:
                part = self.socket.recv(count - len(data))
            except socket.timeout as error:
                raise TimeoutError("the server does not answer") from error
            except OSError as error:
                raise Closed(str(error)) from error
            if not part:
                raise Closed("the server hung up")
            data += part
        return bytes(data)

    def write_message(self, message):
        self.write(struct.pack(">H", len(message)) + message)

    def read_message(self):
        (length,) = struct.unpack(">H", self.read(2))
        return self.read(length)

    def seal(self, data, piece=65519):
        """Transport messages for `data`, prefixed; `piece` bytes in each."""
        out = bytearray()
        for at in range(0, len(data), piece):
            message = self.noise.send.encrypt(bytes(data[at:at + piece]))
            out += struct.pack(">H", len(message)) + message
        return bytes(out)

    def send_frame(self, body, piece=65519):
        self.write(self.seal(struct.pack(">I", len(body)) + body, piece))

    def receive_frame(self):
        while True:
            if len(self.plain) >= 4:
                (length,) = struct.unpack_from(">I", self.plain)
                if length == 0 or length > TABLE.limits["FRAME_BYTES_MAX"]:
                    raise NoiseError(f"the server sent a frame of {length} bytes")
                if len(self.plain) >= 4 + length:
                    body = bytes(self.plain[4:4 + length])
                    del self.plain[:4 + length]
                    return body
            self.plain += self.noise.receive.decrypt(self.read_message())


Request = collections.namedtuple("Request", "id body signature valid_until_s operations")


class Client:
    """Speaks for one key. Reconnects only when told; the witness outlives connections."""

    def __init__(self, address, pin, keys, timeout=TIMEOUT_S, connect=True, rng=None):
        self.address, self.keys, self.timeout = address, keys, timeout
        self.pin = Pin(pin) if isinstance(pin, str) else pin
        self.witness = Witness(self.pin)
        self.random = rng or random.SystemRandom()
        self.channel = None
        self.seq = 0
        self.kept = collections.deque()
        self.account = 0
        self.time_s = 0
        self.time_at = time.monotonic()
        self.manual = False
        if connect:
            self.connect()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.channel is not None:
            self.channel.close()
            self.channel = None

    # --- Connection ---

    def connect(self, address=None, witness=True):
        """Connects, asks who we are, and checks that the log continues what we saw last."""
        self.close()
        self.address = address or self.address
        self.kept.clear()
        self.channel = Channel(self.address, self.pin, self.keys, self.timeout)
        status = self.status()
        assert status.exchange_id == self.pin.exchange_id, "another exchange answers"
        assert status.origin == self.pin.origin and status.root_key == self.pin.root
        self.account = status.you
        self.manual = status.clock_mode == "manual"
        if witness:
            self.check_log()
        return self

    def status(self):
        return self.query("status", client="e2e")

    def check_log(self):
        """Moves the kept head forward; ProofError when the server's log does not continue it."""
        answer = self.query("checkpoint", old_size=self.witness.size)
        return self.witness.advance(answer.note, [row.hash for row in answer.proof])

    def saw_time(self, time_s):
        if time_s >= self.time_s:
            self.time_s, self.time_at = time_s, time.monotonic()

    def now_s(self):
        """The exchange's time as far as we know."""
        passed = 0 if self.manual else int(time.monotonic() - self.time_at)
        return self.time_s + passed

    # --- Frames ---

    def next_seq(self):
        self.seq += 1
        return self.seq

    def send(self, name, /, **values):
        self.channel.send_frame(messages.build(TABLE.frames, name, **values).pack())

    def receive(self):
        """The next frame from the wire as (name, record)."""
        name, body = messages.decode_coded(TABLE.frames, self.channel.receive_frame())
        if "time_s" in body:
            self.saw_time(body.time_s)
        return name, body

    def wait(self, seq, *names):
        """The next frame with this seq and one of these names; others are kept for whoever waits
        for them. A frame `error` for it, or for the connection, raises WireError."""
        def fits(name, body):
            if name == "error" and body.seq in (seq, 0):
                raise WireError(body.seq, body.error, body.message)
            return name in names and body.seq == seq

        for place, (name, body) in enumerate(self.kept):
            if fits(name, body):
                del self.kept[place]
                return body
        while True:
            name, body = self.receive()
            if fits(name, body):
                return body
            self.kept.append((name, body))

    # --- Requests ---

    def prepare(self, operations, atomic=False, request_id=None, valid_until_s=None, account=None,
                keys=None):
        """A signed request. Sending it again is a retry."""
        keys = keys or self.keys
        if isinstance(operations, Coded):
            operations = [operations]
        request_id = request_id or self.random.getrandbits(128).to_bytes(16, "big")
        if valid_until_s is None:
            valid_until_s = self.now_s() + VALID_S
        body = messages.request_body(self.account if account is None else account,
                                     keys.sign_public, request_id, valid_until_s, operations,
                                     atomic)
        signature = keys.sign(PURPOSE_REQUEST, self.pin.exchange_id, body)
        return Request(request_id, body, signature, valid_until_s, operations)

    def send_request(self, request):
        seq = self.next_seq()
        self.send("request", seq=seq, body=request.body, signature=request.signature)
        return seq

    def submit(self, request):
        """Sends a prepared request and waits for its reply, whatever that is."""
        return self.wait(self.send_request(request), "reply")

    def request(self, operations, **options):
        return self.submit(self.prepare(operations, **options))

    def do(self, name, /, **values):
        """One operation that must be accepted; its result."""
        reply = self.request(operation(name, **values))
        refusal = reply.refusal
        if refusal == "accepted":
            refusal = reply.results[0].refusal
        if refusal != "accepted":
            raise Refused(refusal, reply)
        return reply.results[0]

    def refusal_of(self, name, /, **values):
        """The refusal of one operation, `accepted` included."""
        try:
            self.do(name, **values)
        except Refused as refused:
            return refused.refusal
        return "accepted"

    # --- Queries ---

    def send_query(self, name, /, **values):
        seq = self.next_seq()
        self.send("query", seq=seq, body=messages.build(TABLE.queries, name, **values).pack())
        return seq

    def answer(self, seq, name):
        frame = self.wait(seq, "answer")
        if frame.refusal != "accepted":
            raise Refused(frame.refusal)
        got, body = messages.decode_coded(TABLE.answers, frame.body)
        assert got == name, f"asked {name}, answered {got}"
        body["group"] = frame.group
        return body

    def query(self, name, /, **values):
        return self.answer(self.send_query(name, **values), name)

    def rows(self, name, /, **values):
        """All rows of a list query, page after page."""
        rows, start = [], 0
        while True:
            page = self.query(name, **{"from": start, **values})
            rows += page.rows
            if page.next == 0:
                return rows
            assert page.next > start, "a page that does not go on"
            start = page.next

    def receipt(self, index):
        """The receipt of an event, verified; its text."""
        text = self.query("receipt", index=index).receipt
        receipt = Receipt(text, self.pin)
        assert receipt.index == index
        return text

    def balance(self, series=None, account=0):
        for row in self.rows("balances", account=account):
            if series is None or row.series == series:
                return row
        return Record({name: 0 for name in ("tokens_ucr", "gifts_ucr", "escrow_ucr", "balance_ucr",
                                            "paid_out_ucr", "burned_ucr", "expired_ucr")})

    def tokens(self, series=0, account=0):
        return self.rows("tokens", series=series, account=account)

    # --- Subscriptions ---

    def subscribe(self, start):
        seq = self.next_seq()
        self.send("subscribe", seq=seq, **{"from": start})
        return seq

    def events(self, seq):
        """The next frame of events: (next, [(index, name, event, data)])."""
        frame = self.wait(seq, "events")
        return frame.next, [(e.index, *messages.decode_event(e.data), e.data)
                            for e in frame.events]

    def events_until(self, seq, size):
        """Everything up to log size `size`."""
        found = []
        while True:
            following, events = self.events(seq)
            found += events
            if following >= size:
                return found


class Feeder(threading.Thread):
    """A thread whose exception is raised when it is joined."""

    def __init__(self, work, *arguments):
        super().__init__(daemon=True)
        self.work, self.arguments, self.error = work, arguments, None
        self.start()

    def run(self):
        try:
            self.work(*self.arguments)
        except BaseException as error:  # handed to whoever joins
            self.error = error

    def finish(self, timeout=120):
        self.join(timeout)
        if self.is_alive():
            raise TimeoutError("a client's thread does not come to its end")
        if self.error is not None:
            raise self.error
