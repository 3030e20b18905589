"""Causes in nodes: dead, cut off, hung, flapping, and what nodes say of themselves.

A cause is found as long as somebody suffers from it; what is left then, a machine that awaits its repair, is one of
its own (`NodeAwaitsRepair`), so that an incident is over when those who ran there run elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from kubewright.api.conditions import READY, find_condition
from kubewright.api.core import NODES, Node
from kubewright.api.meta import seconds_of
from kubewright.healing.finding import Case, Cause, Finding, Level, Remedy
from kubewright.healing.remedies import nodes as r
from kubewright.healing.witness import WITNESSES, State, Verdict, judge
from kubewright.signals.signal import Fault, Signal

_LOST_STATES = (State.DEAD, State.CUT_OFF)
_OF_HEALING = (Fault.NODE_HELD, Fault.GPU_OUT_OF_USE)
_CONDITIONS = frozenset({Fault.NODE_CONDITION})
_MOST_SENTENCES = 6
_EARLY_SECONDS = 90.0
"""By then two witnesses have agreed, if there are any."""


def node_in(case: Case) -> Node | None:
    """Return the node that a case is about."""
    return case.seen.get(NODES, case.about.key)


def said_by(case: Case, *conditions: str) -> list[Signal]:
    """Return the signals of a node's own conditions of these types."""
    starts = tuple(f"{each}:" for each in conditions)
    return [each for each in case.of(Fault.NODE_CONDITION) if each.evidence.startswith(starts)]


def found_by(case: Case, cause: str, told: Sequence[Signal], also: Sequence[Signal] = (), part: str = "") -> Finding:
    """Return a finding by what is told, since the first of it; `also` follows from it."""
    explains = frozenset(each.fingerprint for each in (*told, *also))
    return Finding(cause, case.about, tuple(each.evidence for each in told), explains, told[0].since, part)


def _found(case: Case, cause: str, verdict: Verdict) -> Finding:
    """Return a finding that explains all that is told of a node and what runs there."""
    explains = frozenset(each.fingerprint for each in case.signals)
    found = Finding(cause, case.about, verdict.evidence[:_MOST_SENTENCES], explains, verdict.since)
    proof = r.proof(case.about.key.name, found.name, case.seen, case.now)
    return replace(found, details={"proof": proof}) if proof else found


def _judged(case: Case) -> Verdict:
    """Weigh what the witnesses say; a machine whose agent is heard lives, whoever else does not reach it."""
    verdict = judge(case.signals, case.now)
    if verdict.state in _LOST_STATES and case.seen.agents.is_fresh(case.about.key.name, case.now):
        return replace(verdict, state=State.HUNG, evidence=(*verdict.evidence, "its agent is heard"))
    return verdict


def _gone(name: str, state: State) -> Callable[[Case], Finding | None]:
    """Return a detector of nodes that are lost, as long as pods are to move."""

    def detect(case: Case) -> Finding | None:
        verdict, node = _judged(case), case.about.key.name
        if verdict.state is not state or not (r.stateless(case.seen, node) or r.stateful(case.seen, node)):
            return None
        return _found(case, name, verdict)

    return detect


def _hung(case: Case) -> Finding | None:
    """The machine lives and its kubelet does not, until it has booted and nobody is left there to move.

    While it boots for that reason it is silent altogether, which is no other cause.
    """
    verdict, node = _judged(case), case.about.key.name
    found = _found(case, "KubeletHung", verdict)
    done = r.has_booted(node, found.name, case.seen)
    if verdict.state is not State.HUNG:
        back = done and case.seen.agents.is_fresh(node, case.now)  # others have not looked again yet
        boots = back or r.is_booting(node, found.name, case.seen, case.now)
        return found if boots and verdict.state is not State.HEARD else None
    left = r.stateless(case.seen, node) or r.stateful(case.seen, node)
    return None if done and not left else found


def _of_state(name: str, state: State) -> Callable[[Case], Finding | None]:
    def detect(case: Case) -> Finding | None:
        verdict = judge(case.signals, case.now)
        return _found(case, name, verdict) if verdict.state is state else None

    return detect


def _suspect(case: Case) -> Finding | None:
    """It is too early to say: until then nobody acts on what runs there, whose signals are its own."""
    verdict = judge(case.signals, case.now)
    is_early = verdict.state is State.SUSPECT and case.now - verdict.since < _EARLY_SECONDS
    return _found(case, "NodeSuspect", verdict) if is_early else None


def _flapping(case: Case) -> Finding | None:
    flaps = case.of(Fault.NODE_FLAPS)[:1]
    also = case.of(*WITNESSES, *_OF_HEALING, Fault.NODE_NOT_READY, Fault.NOT_READY)
    return found_by(case, "NodeFlapping", flaps, also) if flaps else None


def _not_booting(case: Case) -> Finding | None:
    node, told = node_in(case), case.of(Fault.NODE_NOT_READY)[:1]
    if node is None or not told:
        return None
    ready = find_condition(node.status.conditions, READY)
    if ready is not None and seconds_of(ready.last_transition_time) > node.metadata.created_at + 5:
        return None
    return found_by(case, "NodeNotBooting", told)


@dataclass(frozen=True, slots=True)
class _Told:
    """A cause that is a node's own word."""

    condition: str
    summary: str
    remedies: tuple[Remedy, ...]
    also: tuple[str, ...] = ()
    lasts_seconds: float = 0.0
    clears: bool = False
    """Whether it is over once nothing is left to be done: nobody is there who could move, or it takes no new pods."""


def _condition(name: str, told: _Told) -> Callable[[Case], Finding | None]:
    def detect(case: Case) -> Finding | None:
        ill = said_by(case, told.condition)[:1]
        if not ill or case.now - ill[0].since < told.lasts_seconds:
            return None
        if told.clears and not _is_to_be_done(case, told):
            return None
        return found_by(case, name, ill, case.of(*_OF_HEALING, Fault.NODE_NOT_READY))

    return detect


def _is_to_be_done(case: Case, told: _Told) -> bool:
    node = case.about.key.name
    if told.remedies[-1] is r.HOLD:
        return not case.of(Fault.NODE_HELD)
    pods = r.stateless(case.seen, node) if r.EMPTY_OF_STATELESS in told.remedies else r.movable(case.seen.pods_on(node))
    return bool(pods)


_EMPTY = (r.DRAIN, r.PAST_BUDGETS)
_STUCK = (r.EMPTY_OF_STATELESS, r.BOOT)
_TOLD: Mapping[str, _Told] = {
    "DiskFailing": _Told("DiskFailing", "a disk reports errors", _EMPTY, ("SREGym disk errors",), clears=True),
    "FilesystemReadOnly": _Told(
        "ReadonlyFilesystem", "a filesystem is read-only", _EMPTY, ("NPD ReadonlyFilesystem",), clears=True
    ),
    "MachineCheckError": _Told("MachineCheckError", "the machine reports errors of its memory", _EMPTY, clears=True),
    "KernelDeadlock": _Told("KernelDeadlock", "the kernel hangs", _STUCK, ("NPD KernelDeadlock",), clears=True),
    "ContainerRuntimeHung": _Told(
        "ContainerRuntimeUnhealthy",
        "the container runtime does not answer",
        _STUCK,
        ("NPD ContainerRuntimeUnhealthy",),
        clears=True,
    ),
    "NetworkUnavailable": _Told(
        "NetworkUnavailable", "pods of a node have no network", (r.EMPTY_OF_STATELESS,), ("CNI failure",), clears=True
    ),
    "DiskFull": _Told(
        "DiskPressure",
        "a disk is full of images or logs",
        (r.KUBELETS_OWN, *_EMPTY),
        ("Chaos Mesh disk-fill",),
        clears=True,
    ),
    "MemoryShort": _Told(
        "MemoryPressure",
        "a node is short of memory",
        (r.KUBELETS_OWN, r.DRAIN),
        ("Chaos Mesh StressChaos",),
        clears=True,
    ),
    "ProcessesExhausted": _Told(
        "PIDPressure", "a node is short of process numbers", (r.KUBELETS_OWN, r.DRAIN), clears=True
    ),
    "ClockSkew": _Told(
        "NTPProblem",
        "a node's clock is off, or nobody keeps it",
        (r.HOLD,),
        ("NPD NTPProblem", "Chaos Mesh TimeChaos"),
        clears=True,
    ),
    "KubeletRestarting": _Told(
        "FrequentKubeletRestart",
        "a kubelet restarts again and again",
        (r.HOLD,),
        ("NPD FrequentKubeletRestart",),
        clears=True,
    ),
    "KubeletUnhealthy": _Told(
        "KubeletUnhealthy",
        "a kubelet says that it is not well",
        (r.KUBELETS_OWN, r.HOLD),
        ("NPD KubeletUnhealthy",),
        lasts_seconds=60.0,
        clears=True,
    ),
    "KubeletCertificateEnds": _Told(
        "KubeletCertificateExpiring", "a kubelet's certificate ends, and is not renewed", ()
    ),
}


def _not_ready(case: Case) -> Finding | None:
    """The kubelet itself says so, for longer than a restart takes, and no condition tells why."""
    told = [each for each in case.of(Fault.NODE_NOT_READY) if case.now - each.since >= r.WELL_SECONDS]
    if not told or case.of(Fault.NODE_SILENT) or not r.stateless(case.seen, case.about.key.name):
        return None
    return found_by(case, "NodeNotReady", told[:1], (*told, *case.of(*_OF_HEALING)))


def _awaits_repair(case: Case) -> Finding | None:
    """All is done that could be for a node that is ill."""
    verdict = _judged(case)
    if verdict.state in {*_LOST_STATES, State.HUNG}:
        return _found(case, "NodeAwaitsRepair", verdict)
    ill = said_by(case, *(each.condition for each in _TOLD.values() if each.clears))
    also = case.of(*_OF_HEALING, Fault.NODE_NOT_READY)
    return found_by(case, "NodeAwaitsRepair", ill, also) if ill else None


def _held(case: Case) -> Finding | None:
    """The healer keeps new pods from a node of which nothing else is told."""
    held = case.of(Fault.NODE_HELD)[:1]
    if not held or case.of(Fault.NODE_SILENT, Fault.NODE_CONDITION, Fault.NODE_NOT_READY, Fault.NODE_FLAPS):
        return None
    return found_by(case, "NodeHeld", held)


_LOST = (r.MOVE_STATELESS, r.POWER_OFF, r.END_WHAT_RUNS, r.OUT)
CAUSES: tuple[Cause, ...] = (
    Cause(
        "KubeletHung",
        Level.NODE,
        "a machine answers and its kubelet does not",
        WITNESSES,
        _hung,
        (r.MOVE_AND_BOOT, r.BOOT, r.OUT, r.MOVE_STATELESS),
        ("SREGym kubelet crash",),
    ),
    Cause(
        "NodeDead",
        Level.NODE,
        "a machine is down, by two witnesses of three",
        WITNESSES,
        _gone("NodeDead", State.DEAD),
        _LOST,
        ("SREGym node failure", "Chaos Mesh PhysicalMachineChaos"),
    ),
    Cause(
        "NodeCutOff",
        Level.NODE,
        "a node goes on and reaches no API server",
        WITNESSES,
        _gone("NodeCutOff", State.CUT_OFF),
        _LOST,
        ("Chaos Mesh network partition",),
    ),
    Cause(
        "KubeletUnheard",
        Level.NODE,
        "the API server does not take what a kubelet says: its certificate has expired",
        WITNESSES,
        _of_state("KubeletUnheard", State.UNHEARD),
        (r.MOVE_STATELESS,),
    ),
    Cause(
        "NodeFlapping",
        Level.NODE,
        "a node falls silent again and again",
        frozenset({Fault.NODE_FLAPS}),
        _flapping,
        (r.HOLD,),
    ),
    Cause("NodeNotBooting", Level.NODE, "a node was never ready", frozenset({Fault.NODE_NOT_READY}), _not_booting, ()),
    Cause(
        "NodeSuspect",
        Level.NODE,
        "a node has fallen silent, and it is too early to say why",
        WITNESSES,
        _suspect,
        (r.AWAIT,),
    ),
    *(
        Cause(name, Level.NODE, told.summary, _CONDITIONS, _condition(name, told), told.remedies, told.also)
        for name, told in _TOLD.items()
    ),
    Cause(
        "NodeNotReady",
        Level.NODE,
        "a kubelet says that it is not ready",
        frozenset({Fault.NODE_NOT_READY}),
        _not_ready,
        (r.MOVE_STATELESS,),
    ),
    Cause(
        "NodeAwaitsRepair",
        Level.NODE,
        "all is done that could be for a node that is ill",
        WITNESSES | _CONDITIONS,
        _awaits_repair,
        (r.POWER_ON, r.AWAIT),
    ),
    Cause(
        "NodeHeld",
        Level.NODE,
        "a node is well again, and takes no pods yet",
        frozenset({Fault.NODE_HELD}),
        _held,
        (r.LET_GO,),
    ),
)
