"""What telling people takes. Secrets that channels name are read one by one, never listed."""

from __future__ import annotations

from collections.abc import Sequence

from kubewright.api.core import SECRETS
from kubewright.api.crds.notificationchannel import NOTIFICATION_CHANNELS
from kubewright.api.meta import Manifest
from kubewright.api.rights import WATCH, rule


def telling_rules() -> list[Manifest]:
    """Return the rights to read channels and to write their status."""
    return [rule(NOTIFICATION_CHANNELS, WATCH), rule(NOTIFICATION_CHANNELS, ("patch",), subresource="status")]


def secret_rules(names: Sequence[str]) -> list[Manifest]:
    """Return the right to read certain Secrets, for a Role in their namespace; files need none."""
    return [rule(SECRETS, ("get",), names=names)]
