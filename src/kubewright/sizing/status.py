"""What a SizePolicy's status says of a turn, and whether that is worth a write. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from kubewright.api.conditions import READY, Condition, remove_condition, set_condition, written
from kubewright.api.crds.containersize import ContainerSize
from kubewright.api.crds.sizepolicy import (
    APPLY,
    NEXT_RELEASE,
    NEXT_SIZES,
    OFF,
    OWN_RELEASE,
    RESIZE,
    SIZE_POLICIES,
    SizeAdvice,
    SizePolicy,
)
from kubewright.api.meta import Manifest
from kubewright.api.plan import Apply
from kubewright.api.quantity import parse_quantity
from kubewright.api.resources import write_amount
from kubewright.scaling.sizing import BYTES, CORES
from kubewright.sizing.decide import Turn

_NEWS = 0.1
_NUMBERS = ("requested", "lower", "target", "upper", "days")
_HOW = {
    RESIZE: "pods are resized in place",
    NEXT_RELEASE: "sizes come with the next release",
    OWN_RELEASE: "releases are made for sizes",
}
NOT_IN_PLACE = "this cluster does not resize pods in place"


@dataclass(frozen=True, slots=True)
class Upcoming:
    """What the next release of an AppService gets."""

    sizes: tuple[ContainerSize, ...]
    changes: str
    """What of it differs from what its pods begin with now; empty if nothing does."""


def ready(policy: SizePolicy, turn: Turn, problem: tuple[str, str] | None, note: str = "") -> Condition:
    """Return how a policy fares; `problem` is a reason and a message, `note` what keeps it from doing all it is to."""
    unknown = [each for each in turn.advice if not each.target]
    if problem is None and policy.spec.mode == OFF:
        problem = "Off", "nothing is recommended"
    elif problem is None and not turn.advice:
        problem = "NoPods", "no pod of the target runs"
    elif problem is None and len(unknown) == len(turn.advice):
        problem = "NotMeasured", "; ".join(f"{each.container} {each.resource}: {each.why}" for each in unknown[:3])
    if problem is not None:
        return Condition(READY, "False", *problem, observed_generation=policy.metadata.generation)
    applies = policy.spec.mode == APPLY
    reason, message = ("Applying", note or _HOW[policy.spec.by]) if applies else ("Recommending", "nothing is written")
    held = sorted({each.why for each in turn.advice if each.target and each.why}) if applies else ()
    message = "; ".join((message, *held))
    return Condition(READY, "True", reason, message, observed_generation=policy.metadata.generation)


def status_of(
    policy: SizePolicy, turn: Turn, condition: Condition, upcoming: Upcoming | None, now: float
) -> Apply | None:
    """Return the status to write; None while it says nothing new, apart from amounts that hardly moved."""
    told = policy.status
    conditions = set_condition(_of_release(policy, upcoming, now), condition, now)
    sizes = upcoming.sizes if upcoming is not None else ()
    same = (conditions, sizes, policy.metadata.generation) == (told.conditions, told.next, told.observed_generation)
    if same and not _moved(told.advice, turn.advice):
        return None
    status: Manifest = {
        "observedGeneration": policy.metadata.generation,
        "conditions": written(conditions),
        "advice": [_written(each) for each in turn.advice],
    }
    if sizes:
        status["next"] = [msgspec.to_builtins(each) for each in sizes]
    if CORES in turn.saves:
        status["savesCpu"] = write_amount(CORES, turn.saves[CORES])
    if BYTES in turn.saves:
        status["savesMemory"] = write_amount(BYTES, turn.saves[BYTES])
    return Apply.status(SIZE_POLICIES, policy.key, status)


def _of_release(policy: SizePolicy, upcoming: Upcoming | None, now: float) -> tuple[Condition, ...]:
    """Return the conditions with the one about the next release, for policies that give it sizes."""
    if upcoming is None:
        return remove_condition(policy.status.conditions, NEXT_SIZES)
    if upcoming.changes:
        found = Condition(NEXT_SIZES, "True", "SizesWait", upcoming.changes)
    else:
        found = Condition(NEXT_SIZES, "False", "SizesFit", "the next release changes no sizes")
    found = msgspec.structs.replace(found, observed_generation=policy.metadata.generation)
    return set_condition(policy.status.conditions, found, now)


def _written(advice: SizeAdvice) -> Manifest:
    return {name: text for name in advice.__struct_fields__ if (text := getattr(advice, name))}


def _moved(before: Sequence[SizeAdvice], after: Sequence[SizeAdvice]) -> bool:
    if len(before) != len(after):
        return True
    return any(
        (old.container, old.resource, old.why) != (new.container, new.resource, new.why)
        or any(_differ(getattr(old, name), getattr(new, name)) for name in _NUMBERS)
        for old, new in zip(before, after, strict=True)
    )


def _differ(old: str, new: str) -> bool:
    if old == new or not old or not new:
        return old != new
    was, now = parse_quantity(old), parse_quantity(new)
    return abs(now - was) > _NEWS * max(abs(was), abs(now))
