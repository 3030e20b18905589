"""Certificates of webhooks are shared by replicas, renewed in time, and the ones before are trusted meanwhile."""

import asyncio
import base64
import ssl

import pytest

from kubewright.api.core import NAMESPACES
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.clock import Clock, run_virtual
from kubewright.runtime.certificates import SigningAuthority
from kubewright.runtime.webhooks import Webhooks
from kubewright.runtime.webhooks.keeping import VALID_DAYS, Keeper, Place
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer
from tests.seeded.widget import WIDGETS

PLACE = Place("widgets", "system")
DAY = 86_400
CONFIGURATION = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/widgets"


def live(story):
    async def main():
        client = RestClient(InProcessTransport(ApiServer(Clock.virtual(), KindTable.builtin())))
        await client.create(NAMESPACES, {"metadata": {"name": "system"}})
        await story(client)

    run_virtual(main())


def keeper(client, folder):
    webhooks = Webhooks()
    webhooks.validate(WIDGETS, lambda old, new: ())
    folder.mkdir(exist_ok=True)
    return Keeper(client, Clock.virtual(), webhooks, PLACE, folder)


async def trusted(client):
    webhook = (await client.raw("GET", CONFIGURATION))["webhooks"][0]
    return webhook, base64.b64decode(webhook["clientConfig"]["caBundle"]).count(b"BEGIN CERTIFICATE")


def test_two_replicas_serve_one_certificate_and_the_server_knows_whom_to_trust(tmp_path):
    async def story(client):
        first, second = keeper(client, tmp_path / "one"), keeper(client, tmp_path / "other")
        await asyncio.gather(first.renew(), second.renew())
        assert first.files.certificate.read_bytes() == second.files.certificate.read_bytes()
        webhook, authorities = await trusted(client)
        assert authorities == 1
        assert webhook["clientConfig"]["service"] == {
            "name": "widgets",
            "namespace": "system",
            "path": "/validate/example.com-v1-widgets",
            "port": 443,
        }
        assert webhook["rules"][0]["operations"] == ["CREATE", "UPDATE", "DELETE"]

    live(story)


def test_a_certificate_is_renewed_when_two_thirds_of_its_time_are_over_and_loaded_where_it_is_shown(tmp_path):
    async def story(client):
        one, other = keeper(client, tmp_path / "one"), keeper(client, tmp_path / "other")
        await one.renew()
        await other.renew()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        one.follow(context)
        before = one.files.certificate.read_bytes()
        await asyncio.sleep((VALID_DAYS / 3 - 1) * DAY)
        await one.renew()
        assert one.files.certificate.read_bytes() == before
        await asyncio.sleep((VALID_DAYS / 3 + 2) * DAY)
        await one.renew()
        assert one.files.certificate.read_bytes() != before
        _, authorities = await trusted(client)
        assert authorities == 2, "the other replica still shows the certificate before"
        await other.renew()
        assert other.files.certificate.read_bytes() == one.files.certificate.read_bytes()

    live(story)


@pytest.mark.parametrize(
    "spoiled",
    [
        {"tls.crt": b"nonsense"},
        {"tls.key": b"nonsense"},
        {"tls.key": SigningAuthority("other", 0.0, valid_days=1).for_server("other", ()).key},
        {"ca.crt": b"nonsense"},
        {"ca.crt": SigningAuthority("other", 0.0, valid_days=1).certificate},
        {"ca-before.crt": b"nonsense"},
    ],
    ids=["certificate", "key", "another's key", "authority", "another's authority", "authority before"],
)
def test_a_secret_that_somebody_spoiled_is_made_anew(tmp_path, spoiled):
    async def story(client):
        one = keeper(client, tmp_path / "one")
        await one.renew()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        one.follow(context)
        before = one.files.certificate.read_bytes()
        path = "/api/v1/namespaces/system/secrets/widgets-webhooks"
        secret = await client.raw("GET", path)
        secret["data"] |= {name: base64.b64encode(content).decode() for name, content in spoiled.items()}
        await client.raw("PUT", path, body=secret)
        await one.renew()
        assert one.files.certificate.read_bytes() not in {before, b"nonsense"}
        context.load_cert_chain(one.files.certificate, one.files.key)
        made = (await client.raw("GET", path))["data"]
        assert all(base64.b64decode(text).startswith(b"-----BEGIN") for text in made.values())

    live(story)
