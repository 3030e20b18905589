"""How people reach a dashboard: plain data, which `app.Choices` holds and the command line fills."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from kubewright.client.config import Oidc
from kubewright.client.protocol import Client
from kubewright.runtime.serving import KeyFiles


@dataclass(frozen=True, slots=True)
class Serving:
    """Where the dashboard is, and who its people may be."""

    listen: Callable[[], socket.socket]
    session_key: bytes = field(repr=False)
    owner_key: str = field(default="", repr=False)
    """Whoever shows it is the owner of the client; empty for nobody."""
    connect_as: Callable[[str], Client] | None = None
    """Makes a client of a person's token; None: no tokens are taken."""
    oidc: Oidc | None = None
    """Where people may sign in besides; the API server must take this issuer's tokens for this client."""
    scopes: str = ""
    """What is asked of the issuer; empty: the usual."""
    read_only: bool = False
    cluster: str = ""
    """What the cluster is called on the screen."""
    tls: KeyFiles | None = None
    behind_tls: bool = False
    """Whether something before it takes HTTPS off."""
