"""What an import hands back: the policy as far as there can be one, and a note on each field that is not the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from kubewright.api.crds.scalepolicy import REACTIVE, SCALE_POLICIES, ScalePolicy, problems
from kubewright.api.meta import Manifest


@dataclass(slots=True)
class Draft:
    """A policy in the making."""

    source: Manifest
    spec: dict[str, Any] = field(default_factory=dict[str, Any])
    metrics: list[Manifest] = field(default_factory=list[Manifest])
    schedules: list[Manifest] = field(default_factory=list[Manifest])
    notes: list[str] = field(default_factory=list[str])
    impossible: bool = False
    """Whether a policy without what is missing would scale by something else."""

    def note(self, at: str, text: str) -> None:
        """Tell of one field."""
        self.notes.append(f"{at}: {text}")

    def finished(self) -> Imported:
        """Return the policy, unless the server would refuse it, or it would scale by something else."""
        metadata = self.source["metadata"]
        name = f"{self.source['kind']}/{metadata.get('namespace', '')}/{metadata['name']}".replace("//", "/")
        if self.impossible:
            return Imported(name, None, tuple(self.notes))
        spec = self.spec | {"mode": self.spec.get("mode", REACTIVE), "metrics": self.metrics}
        if self.schedules:
            spec["schedules"] = self.schedules
        place = {key: metadata[key] for key in ("name", "namespace") if metadata.get(key)}
        head = {"apiVersion": SCALE_POLICIES.api_version, "kind": SCALE_POLICIES.kind}
        manifest = {**head, "metadata": place, "spec": spec}
        try:
            wrong = problems(msgspec.convert(manifest, ScalePolicy))
        except msgspec.ValidationError as error:
            wrong = (str(error),)
        if wrong:
            return Imported(name, None, (*self.notes, *(f"no policy can say this: {each}" for each in wrong)))
        return Imported(name, manifest, tuple(self.notes))


@dataclass(frozen=True, slots=True)
class Imported:
    """One object, as a ScalePolicy; None where there can be none."""

    source: str
    policy: Manifest | None
    notes: tuple[str, ...]
    """One for each field that is left out or means something else, beginning with the field."""


def part(of: Manifest, name: str) -> Manifest:
    """Return an object that is a field of another; an empty one where there is none."""
    found = of.get(name)
    return cast("Manifest", found) if isinstance(found, dict) else {}


def parts(of: Manifest, name: str) -> list[Manifest]:
    """Return the objects of a list that is a field of another."""
    found: object = of.get(name)
    return [each for each in cast("list[Manifest]", found) if each] if isinstance(found, list) else []


def target(reference: Manifest) -> Manifest:
    """Return what is scaled; workloads are Deployments where nothing is said."""
    return {
        "apiVersion": reference.get("apiVersion") or "apps/v1",
        "kind": reference.get("kind") or "Deployment",
        "name": reference.get("name", ""),
    }


def behavior(given: Manifest, draft: Draft) -> None:
    """Carry over how fast is scaled: the fields are the same."""
    rules = {direction: dict(said) for direction in given if (said := part(given, direction))}
    if rules:
        draft.spec["behavior"] = rules
