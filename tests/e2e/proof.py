"""Offline verification: Merkle proofs, checkpoints, receipts. Written from RFC 6962 and RFC 9162,
C2SP signed-note, tlog-checkpoint and tlog-proof, and docs/protocol.md."""
import base64

import nacl.bindings as sodium
from nacl.exceptions import BadSignatureError

from keys import sha256, signature_valid


class ProofError(Exception):
    """Something does not verify."""


def require(condition, text):
    if not condition:
        raise ProofError(text)


def leaf_hash(data):
    return sha256(b"\0" + data)


def node_hash(left, right):
    return sha256(b"\1" + left + right)


def tree_root(leaves):
    """The root over leaf hashes, by the definition of RFC 6962."""
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(tree_root(leaves[:split]), tree_root(leaves[split:]))


def verify_inclusion(leaf, index, size, proof, root):
    """RFC 9162, section 2.1.3.2."""
    require(index < size, "the index lies beyond the tree")
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        require(sn != 0, "the proof is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn != 0:
                fn >>= 1
                sn >>= 1
        else:
            r = node_hash(r, p)
        fn >>= 1
        sn >>= 1
    require(sn == 0, "the proof is too short")
    require(r == root, "the proof leads to another root")


def verify_consistency(old_size, old_root, new_size, new_root, proof):
    """RFC 9162, section 2.1.4.2."""
    require(old_size <= new_size, "the log has become shorter")
    if old_size == new_size or old_size == 0:
        require(not proof, "a proof where none belongs")
        require(old_size == 0 or old_root == new_root, "two roots of one size")
        return
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    require(path, "the proof is empty")
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    fr = sr = path[0]
    for c in path[1:]:
        require(sn != 0, "the proof is too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn != 0:
                fn >>= 1
                sn >>= 1
        else:
            sr = node_hash(sr, c)
        fn >>= 1
        sn >>= 1
    require(sn == 0, "the proof is too short")
    require(fr == old_root and sr == new_root, "the logs contradict each other")


class Certificate:
    """The root's word on another key of the exchange."""

    def __init__(self, data, pin, use):
        require(len(data) == 114, "a certificate has another length")
        require(data[0] == 1 and data[1] == use, "a certificate of another version or use")
        self.key = data[2:34]
        self.not_before_s = int.from_bytes(data[34:42], "big")
        self.not_after_s = int.from_bytes(data[42:50], "big")
        require(signature_valid(pin.root, "bourse/certificate/v1", pin.exchange_id, data[:50],
                                data[50:]), "the certificate is not the root's")


LOG, CHANNEL = 1, 2


def key_id(name, kind, key):
    return sha256(name.encode() + b"\n" + bytes([kind]) + key)[:4]


class Checkpoint:
    """A signed head of the log, verified under the pinned root alone."""

    def __init__(self, note, pin):
        self.note = note
        text, separator, lines = note.partition(b"\n\n")
        require(separator, "no blank line in the note")
        text += b"\n"
        origin, size, root, rest = text.decode().split("\n", 3)
        require(origin == pin.origin, "a checkpoint of another origin")
        require(rest == "", "surplus lines in the checkpoint")
        require(size == str(int(size)), "the size is not canonical")
        self.size = int(size)
        self.root = base64.b64decode(root, validate=True)
        require(len(self.root) == 32, "the root has another length")
        found = {}
        require(lines.endswith(b"\n"), "the note does not end in a newline")
        for line in lines.decode().splitlines():
            dash, name, signature = line.split(" ")
            require(dash == "\u2014", "a signature line without a dash")
            data = base64.b64decode(signature, validate=True)
            found[name, data[:4]] = data[4:]
        delegation = key_id(origin, 0xff, b"bourse/delegation/v1" + pin.root)
        require((origin, delegation) in found, "the root's delegation is missing")
        self.certificate = Certificate(found[origin, delegation], pin, LOG)
        log_line = (origin, key_id(origin, 1, self.certificate.key))
        require(log_line in found, "the log key has not signed")
        try:
            sodium.crypto_sign_open(found[log_line] + text, self.certificate.key)
        except BadSignatureError:
            raise ProofError("the log key's signature does not verify") from None


class Receipt:
    """One event, its proof and a checkpoint, verified."""

    def __init__(self, text, pin):
        head, separator, note = text.partition(b"\n\n")
        require(separator, "a receipt without a checkpoint")
        lines = head.decode().split("\n")
        require(lines[0] == "c2sp.org/tlog-proof@v1", "another format")
        require(lines[1].startswith("extra "), "no event")
        require(lines[2].startswith("index "), "no index")
        self.event = base64.b64decode(lines[1][6:], validate=True)
        self.index = int(lines[2][6:])
        proof = [base64.b64decode(line, validate=True) for line in lines[3:]]
        self.checkpoint = Checkpoint(note, pin)
        verify_inclusion(leaf_hash(self.event), self.index, self.checkpoint.size, proof,
                         self.checkpoint.root)


class Witness:
    """Keeps the last head and accepts only heads that continue it."""

    def __init__(self, pin):
        self.pin = pin
        self.size = 0
        self.root = sha256(b"")

    def advance(self, note, proof):
        head = Checkpoint(note, self.pin)
        verify_consistency(self.size, self.root, head.size, head.root, proof)
        self.size, self.root = head.size, head.root
        return head
