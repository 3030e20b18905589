"""What `kubewright net can-reach` asks the API server, and how it shows the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kubewright.cli.connection import connected
from kubewright.cli.main import fail
from kubewright.cli.printing import show
from kubewright.cli.terminal import say
from kubewright.cli.yamlform import dump_all
from kubewright.client.config import ConnectionConfig
from kubewright.errors import OpError
from kubewright.reach.answers import Answer, Reached, Route
from kubewright.reach.documents import answer_document
from kubewright.reach.ends import End
from kubewright.reach.questions import can_reach
from kubewright.reach.reading import read
from kubewright.reach.sides import namespaces_in

EXIT_CODES = {Reached.YES: 0, Reached.NO: 1, Reached.PARTLY: 2, Reached.UNKNOWN: 2}
NOT_ASKED = 3
"""The exit code when there is no answer: 1 is one."""
PAIRS_SHOWN = 5
_WORDS = {
    Reached.YES: "reaches",
    Reached.NO: "does not reach",
    Reached.PARTLY: "reaches in part",
    Reached.UNKNOWN: "may reach",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked."""

    source: str
    destination: str
    port: int | str | None
    protocol: str | None
    by_name: bool


async def show_reach(config: Callable[[], ConnectionConfig], asked: Asked, namespace: str, output: str) -> int:
    """Print whether one side reaches the other; returns the exit code, `NOT_ASKED` also where `config` has none."""
    try:
        cluster = config()
        namespace = namespace or cluster.namespace
        async with connected(cluster) as client:
            world = await read(client, namespaces_in((asked.source, asked.destination), namespace))
        for plural, why in world.unread.items():
            say(f"not read: {plural}: {why}", err=True)
        for plural, few in world.limited.items():
            say(f"read in {', '.join(few)} only: {plural}", err=True)
        answer = can_reach(
            asked.source,
            asked.destination,
            world,
            namespace=namespace,
            port=asked.port,
            protocol=asked.protocol,
            by_name=asked.by_name,
        )
    except OpError as error:
        fail(error)
        return NOT_ASKED
    show(output, lambda: answer_document(answer), lambda: lines(answer))
    return EXIT_CODES[answer.reached]


def lines(answer: Answer) -> Iterator[str]:
    """Yield an answer for people."""
    question = answer.question
    yield f"{question.source.name} {_WORDS[answer.reached]} {question.destination.name}"
    for note in (*question.source.notes, *question.destination.notes):
        yield f"  {note}"
    for route in answer.routes:
        yield from _route(route)
    if answer.undecided:
        yield f"{answer.undecided} more ways were not decided: ask about fewer pods"
    for each in answer.unmended:
        yield f"No addition mends this: {each}"
    if answer.remedy:
        yield "These would let it, tried on what was read; they isolate nobody (kubectl apply -f -):"
        yield dump_all(answer.remedy).rstrip("\n")


def _route(route: Route) -> Iterator[str]:
    at = f", {route.arrival} there" if route.arrival not in {None, route.port} else ""
    count = len(route.pairs)
    yield f"port {route.port}/{route.protocol}{at}: {route.verdict.value} ({count} way{'s' if count != 1 else ''})"
    for source, end in route.pairs[:PAIRS_SHOWN]:
        yield f"  {source} -> {_shown(end)}"
    if count > PAIRS_SHOWN:
        yield f"  and {count - PAIRS_SHOWN} more"
    width = max(len(hop.stage) for hop in route.hops) if route.hops else 0
    for hop in route.hops:
        yield f"    {hop.stage:<{width}}  {hop}"


def _shown(end: End | None) -> str:
    return "nowhere" if end is None else str(end)
