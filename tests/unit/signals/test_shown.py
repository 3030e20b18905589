"""Certificates that Ingresses show: who is asked, what is told, and what comes back from real sockets."""

import asyncio
import ssl

import msgspec
import pytest

from kubewright.api.networking import Ingress
from kubewright.clock import Clock
from kubewright.signals import shown
from kubewright.signals.shown import AT_ONCE, MOST_HOSTS, ShownCertificates, SocketShown, asked_of
from kubewright.twin.certificates import Authority

NOW = 1_800_000_000.0
HOUR = 3600.0


def ingress(*hosts, name="web", address="192.0.2.1"):
    status = {"loadBalancer": {"ingress": [{"ip": address}]}} if address else {}
    document = {"metadata": {"name": name, "namespace": "shop"}, "spec": {"tls": [{"hosts": list(hosts)}]}}
    return msgspec.convert({**document, "status": status}, Ingress)


class Shown:
    """Hosts whose certificates end in so many hours."""

    def __init__(self, **hours):
        self.hours, self.asked, self.now_asked, self.most = hours, [], 0, 0

    async def ends_at(self, address, host):
        self.asked.append((address, host))
        self.now_asked += 1
        self.most = max(self.most, self.now_asked)
        await asyncio.sleep(0)
        self.now_asked -= 1
        left = self.hours.get(host.partition(".")[0])
        return None if left is None else NOW + left * HOUR


@pytest.mark.parametrize(
    "document",
    [
        ingress("a.example.com", address=""),
        ingress(),
        msgspec.convert({"spec": {"tls": [{}]}, "status": {"loadBalancer": {"ingress": [{}]}}}, Ingress),
    ],
)
def test_who_has_no_address_or_no_tls_is_not_asked(document):
    assert list(asked_of(document)) == []


async def test_what_ends_is_told_of_its_ingress_until_it_is_renewed():
    shown, times = Shown(ended=-2, soon=5, long=1000, www=1), [NOW]
    certificates = ShownCertificates(shown, lambda: times[0])
    web = ingress("ended.example.com", "soon.example.com", "long.example.com", "silent.example.com", "*.example.com")
    found = await certificates.look([web])
    assert [each.evidence for each in found] == [
        "the certificate that 192.0.2.1 shows for ended.example.com ended 2 h ago",
        "the certificate that 192.0.2.1 shows for soon.example.com ends in 5 h",
        "the certificate that 192.0.2.1 shows for *.example.com ends in 1 h",
    ]
    assert len({each.fingerprint for each in found}) == 3
    shown.hours |= dict.fromkeys(shown.hours, 1000)
    times[0] += 60
    assert len(await certificates.look([web])) == 3, "it is asked again later"
    times[0] += 600
    assert await certificates.look([web]) == []


async def test_few_are_asked_at_once_and_only_so_many():
    shown = Shown()
    many = [ingress(f"a{number}.example.com", name=f"i{number}") for number in range(MOST_HOSTS + 50)]
    assert await ShownCertificates(shown, lambda: NOW).look(many) == []
    assert len(shown.asked) == MOST_HOSTS
    assert shown.most <= AT_ONCE


async def test_a_handshake_tells_when_it_ends_and_nobody_there_is_no_certificate(tmp_path, monkeypatch):
    monkeypatch.setattr(shown, "_LIMIT_SECONDS", 60.0)
    pair = Authority(Clock.wall().now()).serving("127.0.0.1")
    (tmp_path / "pair.pem").write_bytes(pair.certificate + pair.key)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "pair.pem")
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=tls)
    asked = SocketShown(server.sockets[0].getsockname()[1])
    ends_at = await asked.ends_at("127.0.0.1", "a.example.com")
    assert ends_at is not None
    assert ends_at > Clock.wall().now()
    assert await asked.ends_at("127.0.0.1", "." * 300) is None
    server.close()
    await server.wait_closed()
    assert await asked.ends_at("127.0.0.1", "a.example.com") is None
