"""How a Prometheus reaches what it scrapes.

In a cluster it asks targets themselves (`Inside`); one that is elsewhere goes through the API server's proxy
(`Through`), which is also the way to a twin's kubelets and pods, as these have no sockets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from kubewright.api.meta import Manifest

Role: TypeAlias = Literal["node", "pod", "service", "endpoints", "endpointslice"]
"""What Prometheus discovers targets by."""
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


@dataclass(frozen=True, slots=True)
class Through:
    """A Prometheus that reaches everything by one API server's proxy; it reads the two files itself."""

    server: str
    ca_file: str
    token_file: str

    @property
    def trust(self) -> Manifest:
        """Return how it logs in there."""
        return {"authorization": {"credentials_file": self.token_file}, "tls_config": {"ca_file": self.ca_file}}

    def discovery(self, role: Role) -> Manifest:
        """Return how it finds targets."""
        return {"role": role, "api_server": self.server, **self.trust}

    def job(self, *, https: bool = False, verified: bool = True) -> Manifest:
        """Return how it reaches a job's targets, all alike."""
        del https, verified
        return {"scheme": "https", **self.trust}

    def rules(self, own: Sequence[Manifest], proxied: Sequence[Manifest]) -> list[Manifest]:
        """Return what leads to a target: by the proxy, of which the address is the server's."""
        del own
        return [*proxied, {"target_label": "__address__", "replacement": urlsplit(self.server).netloc}]


@dataclass(frozen=True, slots=True)
class Inside:
    """A Prometheus in the cluster, as a pod with an account that may discover and scrape."""

    def discovery(self, role: Role) -> Manifest:
        """Return how it finds targets."""
        return {"role": role}

    def job(self, *, https: bool = False, verified: bool = True) -> Manifest:
        """Return how it reaches a job's targets; those with certificates of their own making are not verified."""
        if not https:
            return {}
        trust = {"ca_file": f"{_ACCOUNT}/ca.crt"} if verified else {"insecure_skip_verify": True}
        return {
            "scheme": "https",
            "authorization": {"credentials_file": f"{_ACCOUNT}/token"},
            "tls_config": trust,
        }

    def rules(self, own: Sequence[Manifest], proxied: Sequence[Manifest]) -> list[Manifest]:
        """Return what leads to a target itself."""
        del proxied
        return list(own)


Reach: TypeAlias = Inside | Through
