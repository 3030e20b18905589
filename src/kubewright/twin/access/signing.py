"""Signed tokens: JWTs of the ES256 form, made and checked with a key that this process drew.

The key is random and not drawn from the seed: who knows the seed must not be able to sign.
"""

from __future__ import annotations

import base64
import binascii
from functools import cached_property
from hashlib import sha256
from typing import Any, cast

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from kubewright.api.meta import Manifest

_PARTS = 3
_INTEGER_BYTES = 32
_ALGORITHM = ec.ECDSA(hashes.SHA256())


class InvalidTokenError(Exception):
    """A token of ours by its form, but not by its signature."""


class Signer:
    """One key, drawn when it is first needed."""

    @cached_property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    @cached_property
    def _key_id(self) -> str:
        encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        return _encode(sha256(self._key.public_key().public_bytes(encoding, form)).digest())

    def sign(self, claims: Manifest) -> str:
        """Return a token with these claims."""
        head = _encode(msgspec.json.encode({"alg": "ES256", "kid": self._key_id}))
        signed = f"{head}.{_encode(msgspec.json.encode(claims))}"
        parts = decode_dss_signature(self._key.sign(signed.encode(), _ALGORITHM))
        return f"{signed}.{_encode(b''.join(each.to_bytes(_INTEGER_BYTES) for each in parts))}"

    def claims(self, token: str) -> Manifest | None:
        """Return a token's claims, None when it is no such token at all; raises InvalidTokenError."""
        signed, _, encoded = token.rpartition(".")
        if token.count(".") != _PARTS - 1:
            return None
        try:
            claims = msgspec.json.decode(_decode(signed.partition(".")[2]))
            signature = _decode(encoded)
        except (msgspec.DecodeError, binascii.Error, ValueError):
            return None
        if not isinstance(claims, dict):
            return None
        self._check(signed, signature)
        return cast("dict[str, Any]", claims)

    def _check(self, signed: str, signature: bytes) -> None:
        problem = "go-jose/go-jose: error in cryptographic primitive"
        if len(signature) != 2 * _INTEGER_BYTES:
            raise InvalidTokenError(problem)
        first, second = (int.from_bytes(signature[at : at + _INTEGER_BYTES]) for at in (0, _INTEGER_BYTES))
        try:
            self._key.public_key().verify(encode_dss_signature(first, second), signed.encode(), _ALGORITHM)
        except InvalidSignature:
            raise InvalidTokenError(problem) from None


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
