"""Everything a pod says about where it may be, one by one, each with the pod that does not say it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from kubewright.api.affinity import Affinity, NodeAffinity, NodeSelector, NodeSelectorTerm, PodAffinity, PodAffinityTerm
from kubewright.api.core import Pod
from kubewright.api.requirements import Requirement
from kubewright.explain.changes import Dropped

LABEL_COST = 4.0
PODS_COST = 4.0
EVENNESS_COST = 2.0
"""A constraint on how evenly pods spread may become a wish, and is not lost altogether."""
GATE_COST = 1.0


def node_terms(pod: Pod) -> Iterator[Dropped]:
    """Yield the labels of nodeSelector and the requirements of required node affinity."""
    for key, value in pod.spec.node_selector.items():
        left = {name: each for name, each in pod.spec.node_selector.items() if name != key}
        yield Dropped(f"{key}={value} from nodeSelector", _with(pod, node_selector=left), LABEL_COST)
    affinity = pod.spec.affinity
    required = affinity.node_affinity.required if affinity and affinity.node_affinity else None
    for requirement in dict.fromkeys(_requirements(required)):
        yield Dropped(f"{requirement} from node affinity", _without_requirement(pod, requirement), LABEL_COST)


def pod_terms(pod: Pod) -> Iterator[Dropped]:
    """Yield the terms of required affinity and anti-affinity to pods."""
    affinity = pod.spec.affinity or Affinity()
    near, apart = affinity.pod_affinity or PodAffinity(), affinity.pod_anti_affinity or PodAffinity()
    for term in near.required:
        left = replace(affinity, pod_affinity=_without_term(near, term))
        yield Dropped(f"the affinity to pods {_text(term)}", _with(pod, affinity=left), PODS_COST)
    for term in apart.required:
        left = replace(affinity, pod_anti_affinity=_without_term(apart, term))
        yield Dropped(f"the anti-affinity to pods {_text(term)}", _with(pod, affinity=left), PODS_COST)


def spread_terms(pod: Pod) -> Iterator[Dropped]:
    """Yield the spread constraints that must hold."""
    constraints = pod.spec.topology_spread_constraints
    for number, each in enumerate(constraints):
        if each.when_unsatisfiable == "DoNotSchedule":
            soft = replace(each, when_unsatisfiable="ScheduleAnyway")
            left = (*constraints[:number], soft, *constraints[number + 1 :])
            what = f"DoNotSchedule of the spread over {each.topology_key} (maxSkew {each.max_skew})"
            yield Dropped(what, _with(pod, topology_spread_constraints=left), EVENNESS_COST)


def port_terms(pod: Pod) -> Iterator[Dropped]:
    """Yield the host ports."""
    ports = [(port.host_port, port.protocol) for each in pod.spec.containers for port in each.ports if port.host_port]
    for number, protocol in dict.fromkeys(ports):
        containers = tuple(
            replace(
                each,
                ports=tuple(
                    replace(port, host_port=0) if (port.host_port, port.protocol) == (number, protocol) else port
                    for port in each.ports
                ),
            )
            for each in pod.spec.containers
        )
        yield Dropped(f"host port {number}/{protocol}", _with(pod, containers=containers), PODS_COST)


def gate_terms(pod: Pod) -> Iterator[Dropped]:
    """Yield the scheduling gates, all at once: each keeps the pod back."""
    gates = pod.spec.scheduling_gates
    if gates:
        names = ", ".join(each.name for each in gates)
        what = f"the scheduling gate{'s' if len(gates) > 1 else ''} {names}"
        yield Dropped(what, _with(pod, scheduling_gates=()), GATE_COST)


TERMS: dict[str, Callable[[Pod], Iterator[Dropped]]] = {
    "NodeAffinity": node_terms,
    "NodePorts": port_terms,
    "PodTopologySpread": spread_terms,
    "InterPodAffinity": pod_terms,
}
"""By the filter that refuses nodes for them."""


def _with(pod: Pod, **changes: object) -> Pod:
    return replace(pod, spec=replace(pod.spec, **changes))


def _requirements(required: NodeSelector | None) -> Iterator[Requirement]:
    for term in required.node_selector_terms if required else ():
        yield from term.match_expressions
        yield from term.match_fields


def _without_requirement(pod: Pod, gone: Requirement) -> Pod:
    affinity = pod.spec.affinity or Affinity()
    old = affinity.node_affinity or NodeAffinity()
    present = old.required.node_selector_terms if old.required else ()
    terms = tuple(_left(each, gone) for each in present)
    # A term without conditions would match nothing, where it is meant to match everything now.
    emptied = any(_is_empty(now) and not _is_empty(then) for now, then in zip(terms, present, strict=True))
    required = None if emptied else NodeSelector(terms)
    new = replace(old, required_during_scheduling_ignored_during_execution=required)
    return _with(pod, affinity=replace(affinity, node_affinity=new))


def _left(term: NodeSelectorTerm, gone: Requirement) -> NodeSelectorTerm:
    return NodeSelectorTerm(
        tuple(each for each in term.match_expressions if each != gone),
        tuple(each for each in term.match_fields if each != gone),
    )


def _is_empty(term: NodeSelectorTerm) -> bool:
    return not term.match_expressions and not term.match_fields


def _without_term(given: PodAffinity, gone: PodAffinityTerm) -> PodAffinity:
    left = tuple(each for each in given.required if each != gone)
    return replace(given, required_during_scheduling_ignored_during_execution=left)


def _text(term: PodAffinityTerm) -> str:
    return f"{term.label_selector or '(none)'} within {term.topology_key}"
