"""The answer to whether one side reaches another: all ways between them, those that fare alike put together."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kubewright.api.meta import Manifest
from kubewright.errors import ErrorKind, OpError
from kubewright.reach.ends import End, PodEnd, declared_ports
from kubewright.reach.sides import OP, Side
from kubewright.reach.verdict import ORDER, Hop, Verdict, worst
from kubewright.reach.ways import Way, to_end, to_service
from kubewright.reach.world import World

WAYS_AT_MOST = 20_000
"""More than these are not decided, which is said."""
_PORT_MAX = 65535


class Reached(enum.Enum):
    """What an answer comes to."""

    YES = "reachable"
    NO = "unreachable"
    PARTLY = "partly"
    """Some ways are open and some are not."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Question:
    """Who calls whom."""

    source: Side
    destination: Side
    port: int | str | None = None
    """None for all that the destination has."""
    protocol: str | None = None
    """None for TCP, or for what the destination has on that port."""
    by_name: bool = True
    """Whether services are called by their names, which must be resolved."""


@dataclass(frozen=True, slots=True)
class Route:
    """Ways that fare alike: for each the same steps, with the same outcome, by the same rules."""

    port: int | str
    protocol: str
    hops: tuple[Hop, ...]
    pairs: tuple[tuple[End, End | None], ...]
    arrival: int | None = None
    """The port at the destinations, once a service has mapped it."""

    @property
    def verdict(self) -> Verdict:
        """Return what they come to."""
        return worst(self.hops)


@dataclass(frozen=True, slots=True)
class Answer:
    """All ways from one side to the other, those that are worst first."""

    question: Question
    routes: tuple[Route, ...]
    undecided: int = 0
    """How many ways there are besides."""
    remedy: tuple[Manifest, ...] = ()
    """What would open every way that is refused, to be applied as it stands: it was tried on the same world."""
    unmended: tuple[str, ...] = ()
    """What no addition mends, in words."""

    @property
    def reached(self) -> Reached:
        """Return what it comes to."""
        verdicts = {route.verdict for route in self.routes}
        if verdicts <= {Verdict.ALLOWED, Verdict.WARNED} and not self.undecided:
            return Reached.YES
        if verdicts == {Verdict.REFUSED} and not self.undecided:
            return Reached.NO
        return Reached.PARTLY if Verdict.REFUSED in verdicts else Reached.UNKNOWN

    @property
    def blockers(self) -> tuple[Hop, ...]:
        """Return the steps that refuse, each once."""
        return tuple(
            dict.fromkeys(hop for route in self.routes for hop in route.hops if hop.verdict is Verdict.REFUSED)
        )


def decided(question: Question, world: World) -> Answer:
    """Decide every way. Raises OpError INVALID where no port is named and the destination has none."""
    alike: defaultdict[tuple[int | str, str, tuple[Hop, ...], int | None], list[tuple[End, End | None]]]
    alike = defaultdict(list)
    count, undecided = 0, 0
    for port, protocol in ports(question):
        for source in question.source.ends:
            if count >= WAYS_AT_MOST:
                undecided += len(question.destination.ends) or 1
                continue
            for way in _ways(question, source, port, protocol, world):
                alike[port, protocol, way.hops, way.arrival].append((way.source, way.destination))
                count += 1
    routes = [
        Route(port, protocol, hops, tuple(pairs), arrival) for (port, protocol, hops, arrival), pairs in alike.items()
    ]
    routes.sort(key=lambda each: ORDER.index(each.verdict), reverse=True)
    return Answer(question, tuple(routes), undecided)


def ports(question: Question) -> list[tuple[int | str, str]]:
    """Return the ports that a question is about, with their protocols."""
    side, wanted, protocol = question.destination, question.port, question.protocol
    if isinstance(wanted, int) and not 0 < wanted <= _PORT_MAX:
        raise OpError(OP, ErrorKind.INVALID, f"--port {wanted}", f"a port is between 1 and {_PORT_MAX}")
    known = list(dict.fromkeys(_known_ports(side)))
    if wanted is None:
        found = [(number, each) for _, number, each in known if protocol in {None, each}]
        if not found:
            raise OpError(OP, ErrorKind.INVALID, side.name, "it declares no ports: say one with --port")
        return list(dict.fromkeys(found))
    named = [(number, each) for name, number, each in known if wanted in {name, number} and protocol in {None, each}]
    if isinstance(wanted, str) and side.service is None:
        if not named:
            raise OpError(OP, ErrorKind.INVALID, f"--port {wanted}", f"{side.name} declares no port of this name")
        return list(dict.fromkeys(named))
    return (
        [(wanted, protocol)]
        if protocol
        else list(dict.fromkeys((wanted, each) for _, each in named)) or [(wanted, "TCP")]
    )


def _known_ports(side: Side) -> Iterator[tuple[str, int, str]]:
    if side.service is not None:
        yield from ((each.name, each.port, each.protocol) for each in side.service.spec.ports)
        return
    for end in side.ends:
        if isinstance(end, PodEnd):
            yield from ((each.name, each.container_port, each.protocol) for each in declared_ports(end.pod))


def _ways(question: Question, source: End, port: int | str, protocol: str, world: World) -> Iterable[Way]:
    service = question.destination.service
    if service is not None:
        by_name = question.by_name and not question.destination.by_address
        return to_service(source, service, port, protocol, world, by_name=by_name)
    if isinstance(port, str):
        raise TypeError("only services' ports are asked for by name")
    return (way for end in question.destination.ends for way in to_end(source, end, port, protocol, world))
