"""Asks a node's kubelet by a socket: a TCP connection, then a TLS handshake, and nothing is said.

The certificate is not checked: a kubelet's is often its own, and nothing of what it says is believed but that it lives.
"""

from __future__ import annotations

import asyncio
import ssl

from kubewright.api.core import Node
from kubewright.api.nodeagent import Answer
from kubewright.api.nodes import KUBELET_PORT

_CONNECT_SECONDS = 1.5
_HANDSHAKE_SECONDS = 1.5


class SocketReach:
    """Over the network."""

    def __init__(self, port: int = KUBELET_PORT) -> None:
        self._port = port
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.CERT_NONE

    async def ask(self, node: Node) -> Answer:
        """Return what comes back from the node's internal address."""
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(node.internal_ip, self._port)
        except ConnectionRefusedError:
            return Answer.MACHINE
        except OSError:
            return Answer.NOTHING
        try:
            async with asyncio.timeout(_HANDSHAKE_SECONDS):
                await writer.start_tls(self._tls)
        except (OSError, ssl.SSLError):
            return Answer.MACHINE
        else:
            return Answer.KUBELET
        finally:
            writer.close()
