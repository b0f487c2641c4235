"""Noise_XK_25519_ChaChaPoly_SHA256, the initiator's side, from the specification (revision 34)."""
import hashlib
import hmac
import os

import nacl.bindings as sodium
from nacl.exceptions import CryptoError

NAME = b"Noise_XK_25519_ChaChaPoly_SHA256"


class NoiseError(Exception):
    """The peer's bytes do not authenticate."""


def hkdf2(chaining_key, material):
    temporary = hmac.digest(chaining_key, material, "sha256")
    first = hmac.digest(temporary, b"\1", "sha256")
    return first, hmac.digest(temporary, first + b"\2", "sha256")


class Cipher:
    def __init__(self, key):
        self.key, self.nonce = key, 0

    def take_nonce(self):
        nonce = bytes(4) + self.nonce.to_bytes(8, "little")
        self.nonce += 1
        return nonce

    def encrypt(self, data, ad=b""):
        return sodium.crypto_aead_chacha20poly1305_ietf_encrypt(data, ad, self.take_nonce(),
                                                                self.key)

    def decrypt(self, data, ad=b""):
        try:
            return sodium.crypto_aead_chacha20poly1305_ietf_decrypt(data, ad, self.take_nonce(),
                                                                    self.key)
        except (CryptoError, ValueError) as error:
            raise NoiseError("a Noise message does not authenticate") from error


class Initiator:
    """`first()` gives message 1, `second()` takes message 2 and gives message 3; after it `send`
    and `receive` are the transport's ciphers."""

    def __init__(self, secret, responder, prologue, ephemeral=None):
        self.secret, self.responder = secret, responder
        self.ephemeral = ephemeral or os.urandom(32)
        self.h = self.ck = NAME  # exactly 32 bytes, so it is not hashed
        self.mix_hash(prologue)
        self.mix_hash(responder)
        self.cipher = None
        self.send = self.receive = None

    def mix_hash(self, data):
        self.h = hashlib.sha256(self.h + data).digest()

    def mix_key(self, material):
        self.ck, key = hkdf2(self.ck, material)
        self.cipher = Cipher(key)

    def encrypt_and_hash(self, data):
        sealed = self.cipher.encrypt(data, self.h)
        self.mix_hash(sealed)
        return sealed

    def decrypt_and_hash(self, data):
        opened = self.cipher.decrypt(data, self.h)
        self.mix_hash(data)
        return opened

    def first(self, payload=b""):
        e = sodium.crypto_scalarmult_base(self.ephemeral)
        self.mix_hash(e)
        self.mix_key(sodium.crypto_scalarmult(self.ephemeral, self.responder))
        return e + self.encrypt_and_hash(payload)

    def second(self, message, payload=b""):
        if len(message) < 48:
            raise NoiseError("the second message is too short")
        e = message[:32]
        self.mix_hash(e)
        self.mix_key(sodium.crypto_scalarmult(self.ephemeral, e))
        self.decrypt_and_hash(message[32:])
        s = self.encrypt_and_hash(sodium.crypto_scalarmult_base(self.secret))
        self.mix_key(sodium.crypto_scalarmult(self.secret, e))
        third = s + self.encrypt_and_hash(payload)
        first, second = hkdf2(self.ck, b"")
        self.send, self.receive = Cipher(first), Cipher(second)
        return third
