"""Which nodes begin to be emptied, or are replaced by a cheaper one: what could be spared for long, and pays. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kubewright.api.core import Node
from kubewright.api.crds.nodepool import NEVER, RECOMMEND, WHEN_EMPTY, NodePool
from kubewright.api.quantity import parse_quantity
from kubewright.disruption.budget import Allowance
from kubewright.disruption.drain import must_leave
from kubewright.nodepools.allowed import nodes_at_once
from kubewright.nodepools.consolidate import Candidate, Spared, Steps, at_once, sparing
from kubewright.nodepools.costs import move_cost, obstacle
from kubewright.nodepools.filling import Launch, with_offer
from kubewright.nodepools.members import EMPTYING, Offer, offers_of, price_of
from kubewright.nodepools.seen import Begun
from kubewright.nodepools.turns import Deciding, Turn, age

LOOK_SECONDS = 30.0
"""It is looked for what can be spared so often: it is most of a round's work, and nothing is lost by coming late."""
AHEAD = 4
"""So many times what may be emptied at once is looked for, so that time runs for those whose turn is next."""
LEAST_SAVING = 0.1
"""A cheaper node in place of others must save this share of what they cost."""


def consolidate(deciding: Deciding) -> Steps[None]:
    """Begin with what could be spared long enough, unless anything else is going on."""
    found, since = deciding.found, dict[str, float]()
    busy = bool(found.launches or found.released or found.limited)
    if not busy and deciding.now - deciding.memory.looked_at < LOOK_SECONDS:
        return
    if not busy:
        for turn in deciding.turns:
            if not turn.coming and turn.pool.spec.consolidation.mode != NEVER:
                yield from _of_pool(deciding, turn, since)
    deciding.memory = replace(deciding.memory, spare_since=since, looked_at=deciding.now)


def candidates(deciding: Deciding, turn: Turn) -> tuple[list[Candidate], dict[str, str]]:
    """Return the nodes that may be emptied at a saving, in order of preference, and why others may not.

    Those come first that could be spared before, so that time runs for the same ones; then those that cost the least to
    empty for what they save.
    """
    found, why_not = list[Candidate](), dict[str, str]()
    allowance = Allowance(deciding.seen.budgets, 1)
    for node in turn.nodes:
        judged = _judged(deciding, turn.pool, node.metadata.name, allowance)
        if isinstance(judged, str):
            why_not[node.metadata.name] = judged
        else:
            found.append(judged)
    known = deciding.memory.spare_since
    return sorted(
        found, key=lambda each: (each.name not in known, each.cost / max(each.price, 1e-9), each.name)
    ), why_not


def _judged(deciding: Deciding, pool: NodePool, name: str, allowance: Allowance) -> Candidate | str:
    snapshot, rules = deciding.seen.snapshot, pool.spec.consolidation
    column = snapshot.table.columns[name]
    node = snapshot.table.nodes[column]
    price = price_of(node, pool)
    if price is None:
        return "nobody says what it costs"
    movers = must_leave(each.row.pod for each in snapshot.on_node[column])
    problem = _too_soon(deciding, pool, node) or obstacle(node, movers, allowance)
    if problem:
        return problem
    if movers and rules.mode == WHEN_EMPTY:
        return f"{len(movers)} pods run on it"
    ordinary = float(parse_quantity(rules.move_cost))
    cost = sum(move_cost(pod, node, price, ordinary, deciding.now) for pod in movers)
    if price * rules.payback_hours < cost:
        return f"moving its {len(movers)} pods costs {cost:.3g}, and it {price:g} an hour"
    return Candidate(node, price, cost)


def _too_soon(deciding: Deciding, pool: NodePool, node: Node) -> str:
    if EMPTYING in node.metadata.annotations:
        return "it is being emptied"
    if age(node, deciding.now) < pool.spec.consolidation.min_lifetime_seconds:
        return f"it is younger than {pool.spec.consolidation.min_lifetime_seconds} s"
    if deciding.is_left_alone(node.metadata.name):
        return "emptying it came to nothing a while ago"
    return ""


def _of_pool(deciding: Deciding, turn: Turn, since: dict[str, float]) -> Steps[None]:
    rules, found = turn.pool.spec.consolidation, deciding.found
    at_once = nodes_at_once(rules.budgets, len(turn.nodes), deciding.now) - len(turn.emptying)
    most = min(at_once, turn.size - turn.pool.spec.min)
    known = deciding.memory.spare_since
    if most <= 0:
        since |= {node.metadata.name: known[node.metadata.name] for node in turn.nodes if node.metadata.name in known}
        return
    ready, _ = candidates(deciding, turn)
    spared = yield from sparing(deciding.state, ready, AHEAD * most, deciding.seen.policy)
    for each in spared.nodes:
        since[each.name] = known.get(each.name, deciding.now)
    if rules.mode == RECOMMEND:
        found.advice[turn.name] = _advice(spared)
        return
    wait = _wait(deciding, turn)
    due = [each for each in spared.nodes if deciding.now - since[each.name] >= wait]
    found.begun += [Begun(turn.pool, each.node, reason(each, turn.pool)) for each in due[:most]]
    if not spared.nodes and rules.mode != WHEN_EMPTY:
        yield from _replace(deciding, turn, ready, most, since)


def _replace(
    deciding: Deciding, turn: Turn, ready: Sequence[Candidate], most: int, since: dict[str, float]
) -> Steps[None]:
    """Ask for a cheaper node, if there is one that pays; those that it stands for go once it is there, as any."""
    spec, now = turn.pool.spec, deciding.now
    pause = (spec.consolidation.min_lifetime_seconds + spec.startup_seconds) * _patience(deciding, turn)
    if turn.size >= spec.max or now - deciding.memory.replaced.get(turn.name, -pause) < pause:
        return
    best = yield from replacing(deciding, turn, ready, most)
    if best is None:
        return
    mark = f"{turn.name}: {best.offer.key}"
    since[mark] = deciding.memory.spare_since.get(mark, now)
    if now - since[mark] >= _wait(deciding, turn):
        deciding.found.launches.append(Launch(best.offer, (), tuple(each.name for each in best.spared.nodes)))
        deciding.memory = replace(deciding.memory, replaced={**deciding.memory.replaced, turn.name: now})


@dataclass(frozen=True, slots=True)
class Replacement:
    """A node to add, and those that can be spared in its presence."""

    offer: Offer
    spared: Spared

    @property
    def saving(self) -> float:
        """Return what it saves an hour."""
        return self.spared.price - self.offer.price


def best_replacement(deciding: Deciding, turn: Turn, ready: Sequence[Candidate], most: int) -> Replacement | None:
    """Return the node in whose presence others can be spared at the greatest saving, if any is worth the moves."""
    return at_once(replacing(deciding, turn, ready, most))


def replacing(deciding: Deciding, turn: Turn, ready: Sequence[Candidate], most: int) -> Steps[Replacement | None]:
    """Do what `best_replacement` does, a candidate for one offer at a step."""
    found: list[Replacement] = []
    for offer in offers_of(turn.pool):
        # One node is cheaper than all that it stands for, or there is nothing to gain.
        if deciding.is_left_alone(offer.key) or offer.price >= sum(each.price for each in ready[:most]):
            continue
        fork, _ = with_offer(deciding.state, offer)
        each = Replacement(offer, (yield from sparing(fork, ready, most, deciding.seen.policy)))
        worth = each.saving * turn.pool.spec.consolidation.payback_hours >= each.spared.cost
        if worth and each.saving > LEAST_SAVING * each.spared.price:
            found.append(each)
    return max(found, key=lambda each: each.saving, default=None)


def _patience(deciding: Deciding, turn: Turn) -> float:
    return deciding.memory.patience.get(turn.name, 1.0)


def _wait(deciding: Deciding, turn: Turn) -> float:
    return turn.pool.spec.consolidation.after_seconds * _patience(deciding, turn)


def reason(each: Candidate, pool: NodePool) -> str:
    """Say why a node is emptied."""
    hours = pool.spec.consolidation.payback_hours
    if not each.cost:
        return f"nothing runs on it that has to stay; it costs {each.price:g} an hour"
    return (
        f"all on it has a place elsewhere, and {each.price:g} an hour for {hours} h outweighs moves at {each.cost:.3g}"
    )


def _advice(spared: Spared) -> str:
    if not spared.nodes:
        return "no node can be spared at a saving"
    names = ", ".join(each.name for each in spared.nodes)
    return f"{names} could be spared: {spared.price:g} an hour, by {len(spared.moves)} moves"
