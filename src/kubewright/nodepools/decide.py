"""A round for all pools at once: who is given back, what is added, what begins to be emptied. Pure.

First comes what was begun: nodes that are being emptied, released if somebody waits for them or it takes too long. Then
what pods wait for. Only when nobody waits and nothing is on its way is anything begun with, and only what could have
been spared for a while, at a saving that pays for the moves in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kubewright.api.core import Pod
from kubewright.nodepools.consolidate import Steps, at_once
from kubewright.nodepools.draining import drain
from kubewright.nodepools.filling import Launch, fill, settle
from kubewright.nodepools.headroom import placeholders
from kubewright.nodepools.members import offers_of
from kubewright.nodepools.seen import Memory, Round, Seen
from kubewright.nodepools.sparing import consolidate
from kubewright.nodepools.turns import Deciding, Turn, forgotten

REGRET_SECONDS = 3600.0
"""A pool that needs nodes so soon after it gave one back was too quick."""
MOST_PATIENCE = 16.0


def decide(seen: Seen, memory: Memory, now: float) -> Round:
    """Return what to do now, and what to remember until the next round."""
    return at_once(deciding_in_steps(seen, memory, now))


def deciding_in_steps(seen: Seen, memory: Memory, now: float) -> Steps[Round]:
    """Do what `decide` does, with pauses in the longest part of it; nothing that was seen may change meanwhile."""
    deciding = Deciding.of(seen, forgotten(memory, now), now)
    _give_up(deciding)
    left = settle(deciding.state, seen.waiting, seen.policy)
    add(deciding, drain(deciding, left))
    _regret(deciding)
    yield from consolidate(deciding)
    deciding.found.memory = deciding.memory
    return deciding.found


def _give_up(deciding: Deciding) -> None:
    """Leave offers alone of which nodes do not come."""
    for each in deciding.seen.coming:
        late = deciding.now - each.since > each.offer.pool.spec.startup_seconds
        if late and not deciding.is_left_alone(each.offer.key):
            deciding.back_off(each.offer.key)


def add(deciding: Deciding, left: Sequence[Pod]) -> None:
    """Ask for nodes for pods that find no place, for headroom, and for what pools are short of."""
    found, turns = deciding.found, deciding.turns
    every = [offer for turn in turns for offer in offers_of(turn.pool)]
    offers = [each for each in every if not deciding.is_left_alone(each.key)]
    spares = [pod for turn in turns for pod in placeholders(turn.pool)]
    wanted = [*left, *settle(deciding.state, spares, deciding.seen.policy)]
    if wanted and every:
        room = {turn.name: turn.pool.spec.max - turn.size for turn in turns}
        filling = fill(deciding.state, wanted, offers, room, policy=deciding.seen.policy, every=every)
        real = {pod.key for pod in left}
        found.launches += filling.launches
        found.hopeless = {key: why for key, why in filling.hopeless.items() if key in real}
        found.limited = tuple(key for key in filling.limited if key in real)
    for turn in turns:
        _fill_up(deciding, turn)


def _fill_up(deciding: Deciding, turn: Turn) -> None:
    """Ask for what a pool is short of its minimum, of the cheapest."""
    launches = deciding.found.launches
    asked = sum(each.offer.pool is turn.pool for each in launches)
    offers = [each for each in offers_of(turn.pool) if not deciding.is_left_alone(each.key)]
    missing = turn.pool.spec.min - turn.size - asked
    if offers and missing > 0:
        launches += [Launch(min(offers, key=lambda each: each.price), ())] * missing


def _regret(deciding: Deciding) -> None:
    """Have more patience with pools that want back what they gave away, and less again once an hour was quiet."""
    memory, now = deciding.memory, deciding.now
    patience, given = dict(memory.patience), dict(memory.given_back)
    wanting = {each.offer.pool.metadata.name for each in deciding.found.launches if each.pods}
    for name, at in memory.given_back.items():
        times = patience.get(name, 1.0)
        if now - at > REGRET_SECONDS * times:
            del given[name]
            patience[name] = max(times / 2, 1.0)
        elif name in wanting:
            del given[name]
            patience[name] = min(2 * times, MOST_PATIENCE)
    deciding.memory = replace(memory, patience=patience, given_back=given)
