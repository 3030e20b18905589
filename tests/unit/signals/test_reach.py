"""What comes back from real sockets."""

import asyncio
import socket
import ssl

import pytest

from kubewright.api.core import Node, NodeStatus
from kubewright.api.meta import ObjectMeta
from kubewright.api.nodeagent import Answer
from kubewright.api.nodes import NodeAddress
from kubewright.clock import Clock
from kubewright.signals import reach
from kubewright.signals.reach import SocketReach
from kubewright.twin.certificates import Authority

LIMIT_SECONDS = 60


def node(address="127.0.0.1"):
    status = NodeStatus(addresses=(NodeAddress("InternalIP", address),))
    return Node(metadata=ObjectMeta(name="n1"), status=status)


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Let slow machines connect and shake hands; whoever never answers is waited for in the one case that is of it."""
    monkeypatch.setattr(reach, "_CONNECT_SECONDS", LIMIT_SECONDS)
    monkeypatch.setattr(reach, "_HANDSHAKE_SECONDS", LIMIT_SECONDS)


def asking(scenario):
    asyncio.run(asyncio.wait_for(scenario(), LIMIT_SECONDS))


def test_a_kubelet_that_shakes_hands_lives(tmp_path):
    async def scenario():
        pair = Authority(Clock.wall().now()).serving("127.0.0.1")
        (tmp_path / "pair.pem").write_bytes(pair.certificate + pair.key)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(tmp_path / "pair.pem")
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=tls)
        assert await SocketReach(server.sockets[0].getsockname()[1]).ask(node()) is Answer.KUBELET
        server.close()

    asking(scenario)


def test_a_machine_that_takes_the_connection_alone_has_a_kubelet_that_hangs(monkeypatch):
    monkeypatch.setattr(reach, "_HANDSHAKE_SECONDS", 0.2)

    async def scenario():
        with socket.create_server(("127.0.0.1", 0)) as bound:
            asked = SocketReach(bound.getsockname()[1])
            assert await asked.ask(node()) is Answer.MACHINE
        assert await asked.ask(node()) is Answer.MACHINE, "one that refuses lives as well"

    asking(scenario)


def test_one_that_talks_no_tls_is_a_machine_and_one_that_is_not_there_nothing():
    async def scenario():
        async def nonsense(_, writer):
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
        assert await SocketReach(server.sockets[0].getsockname()[1]).ask(node()) is Answer.MACHINE
        server.close()
        assert await SocketReach(1).ask(node("fe80::1")) is Answer.NOTHING

    asking(scenario)
