"""The limits that hold unless somebody writes others of the same name. Docs: `docs/disruption.md`.

Prudent numbers of the field: at most a fifth of a zone's nodes at once (as repairs of managed nodes stop), nobody
touches a zone of which more than 55 % is not well (as the node controller stops evicting there), and of each
application a third.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubewright.api.crds.disruptionlimit import APP, ZONE, Bound, DisruptionLimit, DisruptionLimitSpec
from kubewright.api.meta import ObjectMeta

BUILT_IN: tuple[DisruptionLimit, ...] = (
    DisruptionLimit(
        metadata=ObjectMeta(name="zones"),
        spec=DisruptionLimitSpec(
            per=ZONE, nodes=Bound(max_unavailable="20%", stop_below="45%"), gpus=Bound(max_unavailable="20%")
        ),
    ),
    DisruptionLimit(
        metadata=ObjectMeta(name="apps"), spec=DisruptionLimitSpec(per=APP, pods=Bound(max_unavailable="34%"))
    ),
)


def in_force(written: Iterable[DisruptionLimit]) -> tuple[DisruptionLimit, ...]:
    """Return what was written, and of what is built in that which nobody has written anew."""
    given = tuple(written)
    names = {each.metadata.name for each in given}
    return (*(each for each in BUILT_IN if each.metadata.name not in names), *given)
