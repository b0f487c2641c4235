"""Keys, signatures, pins and key files, from docs/protocol.md; nothing of the C code is used."""
import base64
import hashlib
import hmac
import os

import nacl.bindings as sodium
from nacl.exceptions import BadSignatureError


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64url_decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sha256(data):
    return hashlib.sha256(data).digest()


def signed_bytes(purpose, exchange_id, body):
    return purpose.encode() + b"\0" + exchange_id + sha256(body)


def signature_valid(public, purpose, exchange_id, body, signature):
    try:
        sodium.crypto_sign_open(signature + signed_bytes(purpose, exchange_id, body), public)
        return True
    except BadSignatureError:
        return False


class Keys:
    """Both key pairs of one seed."""

    def __init__(self, seed):
        self.seed = seed
        sign_seed = hmac.digest(seed, b"bourse/key/sign/v1", "sha256")
        self.sign_public, self.sign_secret = sodium.crypto_sign_seed_keypair(sign_seed)
        self.channel_secret = hmac.digest(seed, b"bourse/key/channel/v1", "sha256")
        self.channel_public = sodium.crypto_scalarmult_base(self.channel_secret)

    @classmethod
    def named(cls, name):
        """The same keys from run to run."""
        return cls(sha256(b"bourse e2e key " + name.encode()))

    def sign(self, purpose, exchange_id, body):
        message = signed_bytes(purpose, exchange_id, body)
        return sodium.crypto_sign(message, self.sign_secret)[:64]

    def text(self):
        """The public keys as people hand them on."""
        both = self.sign_public + self.channel_public
        return "bourse-key:" + b64url(both + sha256(b"bourse-key:" + both)[:4])

    def open(self, sealed):
        return sodium.crypto_box_seal_open(sealed, self.channel_public, self.channel_secret)

    def write(self, path):
        """A key file without a passphrase, as `bourse keygen` writes it."""
        seed = b64url(self.seed + sha256(b"seed:" + self.seed)[:4])
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(f"bourse-keyfile v1\n# {self.text()}\nseed:{seed}\n")


def seal(channel_public, plaintext):
    return sodium.crypto_box_seal(plaintext, channel_public)


class Pin:
    """The line that clients pin."""

    def __init__(self, line):
        self.line = line
        prefix, _, text = line.rpartition(":")
        kind, version, self.origin = prefix.split(":", 2)
        if (kind, version) != ("bourse-exchange", "v1"):
            raise ValueError(f"no pin: {line}")
        data = b64url_decode(text)
        if len(data) != 100 or sha256(prefix.encode() + b":" + data[:96])[:4] != data[96:]:
            raise ValueError(f"the pin's checksum is wrong: {line}")
        self.exchange_id, self.root, self.channel = data[:32], data[32:64], data[64:96]
