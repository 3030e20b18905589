"""What is looked for where nobody watches: what stays though it was deleted, and certificates that end."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kubewright.api.live import LiveObject
from kubewright.api.meta import PartialObject, rfc3339
from kubewright.clock import Clock
from kubewright.drills.themes.cluster import ENDED
from kubewright.errors import ErrorKind, OpError
from kubewright.signals.looking import (
    LEFTOVERS,
    TRUSTING,
    LiveHooks,
    LookingSignals,
    last_end,
    of_certificate,
    of_hooks,
    of_leftover,
)
from kubewright.signals.signal import Standing
from kubewright.store.index import Index

NOW = 1_800_000_000.0
DAY = 24 * 3600.0
CONFIG = LEFTOVERS[0]


def leftover(*finalizers, ago=60.0):
    metadata = {"name": "old", "namespace": "shop", "finalizers": list(finalizers)}
    if ago is not None:
        metadata["deletionTimestamp"] = rfc3339(NOW - ago)
    return msgspec.convert({"metadata": metadata}, PartialObject)


def test_what_was_deleted_and_waits_for_its_finalizer_is_told_with_who_is_to_take_it_off():
    (signal,) = of_leftover(CONFIG, leftover("example.com/gone"), NOW)
    assert "example.com/gone" in signal.evidence
    assert signal.since == NOW - 60


@pytest.mark.parametrize(
    "obj",
    [leftover("a/b", ago=None), leftover("a/b", ago=10), leftover("kubernetes.io/pvc-protection")],
    ids=["nobody deleted it", "it was deleted a moment ago", "it is protected while somebody uses it"],
)
def test_what_goes_its_way_is_no_leftover(obj):
    assert list(of_leftover(CONFIG, obj, NOW)) == []


def bundle(*days):
    """Return a bundle of authorities that end so many days after now."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
    at = datetime.fromtimestamp(NOW, UTC)
    pems = b""
    for each in days:
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        made = (
            made.serial_number(1).not_valid_before(at - timedelta(days=400)).not_valid_after(at + timedelta(days=each))
        )
        pems += made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return base64.b64encode(pems).decode()


def hooks(ca):
    config = {"url": "https://x/", **({"caBundle": ca} if ca else {})}
    return LiveHooks(webhooks=({"name": "pods.example.com", "clientConfig": config},))


@pytest.mark.parametrize(
    ("ca", "told"),
    [
        (ENDED, True),
        (bundle(1), True),
        (bundle(-1, 90), False),
        ("", False),
        ("not base64!", False),
        ("bm8gcGVt", False),
    ],
    ids=["ended", "ends tomorrow", "one of two is good", "the system's are trusted", "no base64", "no PEM"],
)
def test_a_webhook_is_told_of_when_all_its_authorities_have_ended_or_are_about_to(ca, told):
    assert bool(list(of_hooks(TRUSTING[0], hooks(ca), NOW))) is told


def test_a_bundle_lasts_as_long_as_the_last_of_it():
    assert last_end(bundle(1, 90)) == NOW + 90 * DAY


@pytest.mark.parametrize(
    ("ends", "renewal", "told"),
    [(90, 60, False), (90, -1, True), (-1, -30, True), (2, 1, True)],
    ids=["it is well", "it was to be renewed", "it ended", "it ends soon"],
)
def test_a_certificate_that_ends_or_is_not_renewed_is_told_of(ends, renewal, told):
    status = {"notAfter": rfc3339(NOW + ends * DAY), "renewalTime": rfc3339(NOW + renewal * DAY)}
    assert bool(list(of_certificate(LiveObject(status=status), NOW))) is told


class Answers:
    """A client that lists one leftover, or fails."""

    def __init__(self):
        self.items, self.error = [leftover("example.com/gone")], None

    async def list(self, resource):
        if resource is not CONFIG:
            raise OpError("client.list", ErrorKind.NOT_FOUND, resource.plural, "no such kind")
        if self.error is not None:
            raise OpError("client.list", self.error, resource.plural, "away")
        return type("Listing", (), {"items": self.items})


def test_what_is_watched_all_the_same_is_not_listed():
    async def scenario():
        client, standing, index = Answers(), Standing(), Index()
        client.items = []
        held = leftover("example.com/gone")
        index.put(held.key, held)
        clock = type("Clock", (Clock,), {"now": lambda _: NOW}).virtual()
        await LookingSignals(client, clock, standing, lambda _: None, {CONFIG.plural: index}).look()
        (signal,) = standing.holding()
        assert signal.about == (CONFIG, held.key)

    asyncio.run(scenario())


def test_what_cannot_be_looked_at_now_is_not_over_and_what_is_gone_is():
    async def scenario():
        client, standing = Answers(), Standing()
        clock = type("Clock", (Clock,), {"now": lambda _: NOW}).virtual()
        looking = LookingSignals(client, clock, standing, lambda _: None)
        await looking.look()
        client.error = ErrorKind.UNAVAILABLE
        await looking.look()
        assert len(standing.holding()) == 1
        client.error, client.items = None, []
        await looking.look()
        assert standing.holding() == []

    asyncio.run(scenario())
