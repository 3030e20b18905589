"""What a family of an object's metrics is, and the shapes that many of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from kubewright.api.meta import Manifest
from kubewright.api.quantity import parse_quantity
from kubewright.api.resources import is_bytes
from kubewright.store.versioned import Bucket
from kubewright.twin.exporters.text import Family, Sample, counter, gauge, labels
from kubewright.twin.reading import dicts, dig, text

Samples: TypeAlias = Callable[[Manifest, str], Iterable[Sample]]
"""From an object and its own labels to samples; nothing where a field is absent."""


@dataclass(frozen=True, slots=True)
class StateFamily:
    """A family and what it is of one object."""

    family: Family
    samples: Samples


@dataclass(frozen=True, slots=True)
class KindState:
    """A kind's families; `own` writes the labels that all of an object's samples have."""

    bucket: Bucket
    go_type: str
    """As kube-state-metrics' own metrics name it: `*v1.Pod`."""
    own: Callable[[Manifest], str]
    families: Sequence[StateFamily]


def named(label: str, *, uid: bool = False) -> Callable[[Manifest], str]:
    """Return what labels objects by namespace and name, under the kind's own label."""

    def own(obj: Manifest) -> str:
        metadata = obj["metadata"]
        given = {"namespace": metadata["namespace"]} if metadata.get("namespace") else {}
        given[label] = metadata["name"]
        return labels(**given, **({"uid": metadata.get("uid", "")} if uid else {}))

    return own


def number(name: str, help_: str, *path: str, default: float | None = None, counts: bool = False) -> StateFamily:
    """Describe a metric whose value is a number at a path; without a default there is none when it is absent."""

    def samples(obj: Manifest, own: str) -> Iterable[Sample]:
        value = dig(obj, *path)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return () if default is None else ((own, default),)
        return ((own, value),)

    return StateFamily((counter if counts else gauge)(name, help_), samples)


def flag(name: str, help_: str, *path: str) -> StateFamily:
    """Describe a metric that is 1 where a field is true."""
    return StateFamily(gauge(name, help_), lambda obj, own: ((own, int(dig(obj, *path) is True)),))


def moment(name: str, help_: str, *path: str) -> StateFamily:
    """Describe a metric whose value is a timestamp at a path, in seconds since 1970."""

    def samples(obj: Manifest, own: str) -> Iterable[Sample]:
        stamp = text(obj, *path)
        return ((own, seconds(stamp)),) if stamp else ()

    return StateFamily(gauge(name, help_), samples)


def info(name: str, help_: str, given: Callable[[Manifest], dict[str, str]]) -> StateFamily:
    """Describe a metric that is always 1 and says what it says by its labels."""
    return StateFamily(gauge(name, help_), lambda obj, own: ((joined(own, **given(obj)), 1),))


def many(name: str, help_: str, samples: Samples, *, counts: bool = False) -> StateFamily:
    """Describe a metric of which an object has any number of samples."""
    return StateFamily((counter if counts else gauge)(name, help_), samples)


def phase(name: str, help_: str, phases: Sequence[str]) -> StateFamily:
    """Describe a metric that is 1 for the present phase and 0 for every other."""

    def samples(obj: Manifest, own: str) -> Iterable[Sample]:
        present = text(obj, "status", "phase")
        return tuple((joined(own, phase=each), int(each == present)) for each in phases)

    return StateFamily(gauge(name, help_), samples)


def created(prefix: str) -> StateFamily:
    """Describe when an object was created."""
    return moment(f"{prefix}_created", "Unix creation timestamp", "metadata", "creationTimestamp")


def generation(prefix: str) -> tuple[StateFamily, StateFamily]:
    """Describe which generation is wanted, and which its controller has seen."""
    return (
        number(f"{prefix}_metadata_generation", "Sequence number of the desired state.", "metadata", "generation"),
        number(
            f"{prefix}_status_observed_generation",
            "The generation observed by the controller.",
            "status",
            "observedGeneration",
            default=0,
        ),
    )


def owners(name: str) -> StateFamily:
    """Describe who owns an object; one without owners has a sample with empty labels."""

    def samples(obj: Manifest, own: str) -> Iterable[Sample]:
        references = dicts(obj, "metadata", "ownerReferences")
        if not references:
            return ((joined(own, owner_kind="", owner_name="", owner_is_controller=""), 1),)
        return tuple(
            (
                joined(
                    own,
                    owner_kind=text(each, "kind"),
                    owner_name=text(each, "name"),
                    owner_is_controller=str(each.get("controller") is True).lower(),
                ),
                1,
            )
            for each in references
        )

    return StateFamily(gauge(name, "Information about the owner."), samples)


def conditions(name: str, help_: str, *, reason: bool = False) -> StateFamily:
    """Describe an object's conditions, each as three samples: true, false and unknown."""

    def samples(obj: Manifest, own: str) -> Iterable[Sample]:
        for each in dicts(obj, "status", "conditions"):
            given = {"condition": text(each, "type")} | ({"reason": text(each, "reason")} if reason else {})
            yield from three_states(joined(own, **given), text(each, "status"), "status")

    return StateFamily(gauge(name, help_), samples)


def three_states(own: str, present: str, label: str) -> Iterable[Sample]:
    """Yield `true`, `false` and `unknown`, with 1 for the one that holds."""
    for state in ("true", "false", "unknown"):
        yield joined(own, **{label: state}), int(present.lower() == state)


def joined(own: str, **given: str) -> str:
    """Put labels after an object's own."""
    more = labels(**given)
    return f"{own},{more}" if own and more else own or more


def seconds(stamp: str) -> float:
    """Read a timestamp as kube-state-metrics writes it: whole seconds since 1970."""
    return int(datetime.fromisoformat(stamp).timestamp())


def resource_samples(own: str, resources: dict[str, Any], **given: str) -> Iterable[Sample]:
    """Yield a resource list with its units: cores, bytes, or integers."""
    for name, amount in resources.items():
        yield joined(own, **given, resource=sanitized(name), unit=_unit(name)), float(parse_quantity(amount))


def sanitized(name: str) -> str:
    """Write a name as a label's value or name may be: `nvidia_com_gpu`."""
    return "".join(character if character.isalnum() else "_" for character in name)


def _unit(resource: str) -> str:
    if resource == "cpu":
        return "core"
    return "byte" if resource == "storage" or is_bytes(resource) else "integer"
