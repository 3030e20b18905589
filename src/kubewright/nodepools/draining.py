"""Nodes that are being emptied: who goes now, which are empty, and which take pods again after all. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kubewright.api.core import PODS, Node, Pod
from kubewright.api.crds.nodepool import NodePool
from kubewright.api.meta import parse_time
from kubewright.api.plan import Evict
from kubewright.disruption.budget import Allowance
from kubewright.disruption.drain import must_leave
from kubewright.disruption.drain import turn as draining
from kubewright.nodepools.members import EMPTYING
from kubewright.nodepools.seen import Released
from kubewright.nodepools.turns import Deciding, Turn
from kubewright.placement.fit import find


def drain(deciding: Deciding, left: Sequence[Pod]) -> list[Pod]:
    """Go on with the nodes that are being emptied; return who of those that find no place is not helped by it."""
    seen = deciding.seen
    allowance = Allowance(seen.budgets, len(seen.snapshot.placed))
    wanted, unhelped = _wanted(deciding, left)
    for turn in deciding.turns:
        for node in turn.emptying:
            _go_on(deciding, turn, node, wanted.get(node.metadata.name, ""), allowance)
    return unhelped


def _wanted(deciding: Deciding, left: Sequence[Pod]) -> tuple[dict[str, str], list[Pod]]:
    """Return which nodes are wanted back by a pod that fits nowhere else, by which, and who is left even so."""
    emptying = [node for turn in deciding.turns for node in turn.emptying]
    if not emptying or not left:
        return {}, list(left)
    wanted: dict[str, str] = {}
    unhelped: list[Pod] = []
    state = deciding.reopened(emptying)
    for pod in left:
        fit = find(pod, state, 0, deciding.seen.policy)
        if fit is None:
            unhelped.append(pod)
            continue
        state.assume(fit.row, fit.column)
        wanted.setdefault(fit.node, f"pod {pod.key} finds no other place")
    return wanted, unhelped


def _go_on(deciding: Deciding, turn: Turn, node: Node, wanted: str, allowance: Allowance) -> None:
    snapshot, found, name = deciding.seen.snapshot, deciding.found, node.metadata.name
    pods = [each.row.pod for each in snapshot.on_node[snapshot.table.columns[name]]]
    staying = must_leave(pods)
    why = wanted or _too_long(turn.pool, node, staying, deciding.now)
    if why:
        found.released.append(Released(node, why))
        deciding.back_off(name)
    elif staying:
        may_go = draining(pods, allowance).evictions
        found.evictions += [Evict(PODS, pod.key, pod.metadata.uid) for pod in may_go]
    elif all(each.stays_on_node or each.is_finished for each in pods):
        found.given_back.append((turn.pool, node))
        given = {**deciding.memory.given_back, turn.name: deciding.now}
        deciding.memory = replace(deciding.memory, given_back=given)


def _too_long(pool: NodePool, node: Node, staying: Sequence[Pod], now: float) -> str:
    try:
        since = parse_time(node.metadata.annotations[EMPTYING])
    except ValueError:
        since = 0.0
    limit = pool.spec.consolidation.drain_seconds
    if staying and now - since > limit:
        return f"{len(staying)} pods, {staying[0].key} among them, are still there after {limit} s"
    if not staying and now - since > limit + pool.spec.startup_seconds:
        return "its provider has not taken it back in time"
    return ""
