"""What a user hears who may not: a Status with the API server's own words (`responsewriters.Forbidden`)."""

from __future__ import annotations

from kubewright.twin.access.attributes import Attributes
from kubewright.twin.access.rules import quoted
from kubewright.twin.status import StatusError, qualified


def refusal(wanted: Attributes, reason: str = "") -> StatusError:
    """Refuse a request."""
    message = _message(wanted)
    if reason:
        message = f"{message}: {reason}"
    if wanted.path:
        return StatusError(403, "Forbidden", f"forbidden: {message}", {})
    what = qualified(wanted.group, wanted.resource)
    if wanted.name:
        what = f'{what} "{wanted.name}"'
    details = {"name": wanted.name, "group": wanted.group, "kind": wanted.resource}
    return StatusError(403, "Forbidden", f"{what} is forbidden: {message}", {k: v for k, v in details.items() if v})


def _message(wanted: Attributes) -> str:
    user = quoted([wanted.user.name])[1:-1]
    if wanted.path:
        return f"User {user} cannot {wanted.verb} path {quoted([wanted.path])[1:-1]}"
    place = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    return f'User {user} cannot {wanted.verb} resource "{wanted.whole_resource}" in API group "{wanted.group}" {place}'
