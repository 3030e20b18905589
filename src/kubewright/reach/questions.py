"""What others ask: can A reach B. A pure function of a `World`, so a command and a diagnosis ask the same."""

from __future__ import annotations

from kubewright.errors import ErrorKind, OpError
from kubewright.reach.answers import Answer, Question, decided
from kubewright.reach.remedies import with_remedy
from kubewright.reach.sides import OP, side
from kubewright.reach.world import World


def can_reach(
    source: str,
    destination: str,
    world: World,
    *,
    namespace: str = "default",
    port: int | str | None = None,
    protocol: str | None = None,
    by_name: bool = True,
) -> Answer:
    """Answer whether A reaches B (`sides.side` says how they are written), with what would let it where it does not.

    Raises OpError NOT_FOUND or INVALID for what is not there or not understood.
    """
    caller, called = side(source, namespace, world), side(destination, namespace, world)
    if not caller.ends:
        raise OpError(OP, ErrorKind.NOT_FOUND, source, "it has no pods to call from")
    return with_remedy(decided(Question(caller, called, port, protocol, by_name), world), world)
