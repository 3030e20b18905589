"""What can be chosen of an installation, how a cluster remembers it, and how one release tells itself from another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kubewright import __version__
from kubewright.api.names import dns_label_errors, subdomain_errors
from kubewright.api.places import SYSTEM_NAMESPACE
from kubewright.errors import ErrorKind, OpError
from kubewright.install.services import PARTS

IMAGE = "kubewright"
_IMAGE = re.compile(r"[\w][\w.:/@-]{0,511}")
_MOST_REPLICAS = 9
_NUMBERS = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """An installation as somebody wants it; also a row of the record that the cluster keeps of it."""

    namespace: str = SYSTEM_NAMESPACE
    image: str = f"{IMAGE}:{__version__}"
    replicas: int = 2
    services: tuple[str, ...] = tuple(PARTS)
    prometheus: str = ""
    """URL of a store that speaks PromQL; without one, decisions go by what the API alone tells."""
    together: bool = False
    """Whether one process runs all the services, by one account, in place of one each."""
    alerts_secret: str = ""
    """The Secret, in the same namespace, whose key `token` Alertmanager must show; empty: no alerts come in."""
    oidc_issuer: str = ""
    """URL of an OpenID Connect issuer where people sign in to the dashboard."""
    oidc_client_id: str = ""
    oidc_secret: str = ""
    """The Secret whose key `client-secret` is the client's, for an issuer that wants one."""
    oidc_ca: str = ""
    """The ConfigMap whose key `ca.crt` has the CAs that the issuer's certificate is signed by; empty: those of all."""
    behind_tls: bool = False
    """Whether something before the dashboard takes HTTPS off."""
    version: str = __version__

    def check(self) -> None:
        """Raise OpError INVALID for what no cluster would take, in words that help."""
        if dns_label_errors(self.namespace):
            raise _invalid(self.namespace, "a namespace is lower-case letters, digits and dashes, at most 63")
        if not _IMAGE.fullmatch(self.image):
            raise _invalid(self.image[:80], "an image is REGISTRY/NAME:TAG, without spaces")
        if not 1 <= self.replicas <= _MOST_REPLICAS:
            raise _invalid(str(self.replicas), f"replicas are 1 to {_MOST_REPLICAS}: one leads, the others wait")
        if unknown := [each for each in self.services if each not in PARTS]:
            raise _invalid(", ".join(unknown)[:80], f"the services are {', '.join(PARTS)}")
        if not self.services:
            raise _invalid("services", f"name at least one of {', '.join(PARTS)}")
        if self.prometheus and not self.prometheus.startswith(("http://", "https://")):
            raise _invalid(self.prometheus[:80], "the store's address is a URL: http://prometheus.monitoring:9090")
        self._check_people()

    def _check_people(self) -> None:
        for name in filter(None, (self.alerts_secret, self.oidc_secret, self.oidc_ca)):
            if subdomain_errors(name):
                raise _invalid(name[:80], "that is no name of a Secret or a ConfigMap, in the services' namespace")
        besides = self.oidc_secret or self.oidc_ca
        if bool(self.oidc_issuer) != bool(self.oidc_client_id) or (besides and not self.oidc_issuer):
            told = "--oidc-issuer and --oidc-client-id go together, --oidc-secret and --oidc-ca with them"
            raise _invalid("--oidc-issuer", told)
        if self.oidc_issuer and not self.oidc_issuer.startswith("https://"):
            raise _invalid(self.oidc_issuer[:80], "an issuer is a URL with https://")


def _invalid(target: str, detail: str) -> OpError:
    return OpError("install", ErrorKind.INVALID, target, detail)


def order(version: str) -> tuple[int, ...]:
    """Return what puts releases in order; what is no number counts as 0."""
    numbers = [int(digits) for digits in re.findall(r"\d+", version.partition("+")[0])][:_NUMBERS]
    return (*numbers, *([0] * (_NUMBERS - len(numbers))))


def choose(
    namespace: str,
    before: Settings | None,
    *,
    services: tuple[str, ...],
    image: str,
    replicas: int | None,
    prometheus: str | None,
    together: bool | None,
    more: Mapping[str, Any] | None = None,
) -> Settings:
    """Return what is asked for now, and where nothing is, what was chosen before; the image follows the release.

    `more` are other settings by their names, None for what is not asked for.
    """
    default = Settings(namespace=namespace)
    known = tuple(name for name in before.services if name in PARTS) if before else ()
    kept = default if before is None else replace(before, version=default.version, services=known or default.services)
    if before is not None and before.image == f"{IMAGE}:{before.version}":
        kept = replace(kept, image=default.image)
    asked: dict[str, Any] = {"services": services, "image": image, "replicas": replicas}
    given = {name: value for name, value in asked.items() if value}
    given |= {} if prometheus is None else {"prometheus": prometheus}
    given |= {} if together is None else {"together": together}
    given |= {name: value for name, value in (more or {}).items() if value is not None}
    return replace(kept, **given)
