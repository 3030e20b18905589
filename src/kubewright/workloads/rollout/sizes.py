"""What a release requests where a SizePolicy offers other sizes than its spec says. Pure; read by `look` and `diff`.

The offer is asked once, when a release begins, and what came of it is remembered in the status for as long as one may
go back to that release: an offer that changes or goes begins no release, and takes none back. A spec that changes an
amount is taken at its word, for it was changed by somebody who knew the sizes. After a release that was taken back, for
whatever reason, the next one has no less than what serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import msgspec

from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.rolloutstatus import ROLLED_BACK, STABLE, RolloutStatus, SizedRelease
from kubewright.api.crds.containersize import ContainerSize, SizePlace
from kubewright.api.crds.sizepolicy import APPLY, OWN_RELEASE, SizePolicy
from kubewright.api.meta import EMPTY
from kubewright.api.quantity import parse_quantity
from kubewright.workloads.rollout.releases import release_label, release_of

_RESOURCES = ("cpu", "memory")


@dataclass(frozen=True, slots=True)
class Offer:
    """What a workload's SizePolicy has for its next release."""

    sizes: tuple[ContainerSize, ...] = ()
    begins: bool = False
    """Whether a release is to be made for them."""


NO_OFFER = Offer()


def offer_of(policies: Iterable[SizePolicy]) -> Offer:
    """Return what the oldest of a target's policies offers, as its newest spec has it."""
    policy = min(policies, key=lambda each: each.metadata.seniority, default=None)
    if policy is None or policy.spec.mode != APPLY or policy.status.observed_generation != policy.metadata.generation:
        return NO_OFFER
    return Offer(policy.status.next, policy.spec.by == OWN_RELEASE)


def sized_release(
    app: AppService, template: Mapping[str, Any], serving: Mapping[str, Any] | None, offer: Offer, *, anew: bool = False
) -> SizedRelease:
    """Return the release that the spec's template makes; `serving` is the template of what runs, if anything does.

    `anew`: one that was taken back is to be tried again.
    """
    base, state = release_of(template), app.status.rollout
    known = _settled(state, base) if state is not None else None
    if state is None or not state.stable or serving is None:
        return known or SizedRelease(base, base)
    begins = offer.begins and offer.sizes and state.phase == STABLE and not app.spec.rollout.paused
    if known is not None and not (begins or (anew and state.phase == ROLLED_BACK)):
        return known
    taken = tuple(_taken(state, template, serving, offer))
    if not taken:
        return SizedRelease(base, base)
    said = amounts(template)
    made = release_of(with_sizes(template, taken))
    return SizedRelease(made, base, taken, tuple(said[each.place] for each in taken))


def with_sizes(template: Mapping[str, Any], sizes: Sequence[ContainerSize]) -> Mapping[str, Any]:
    """Return the template with these sizes; one of a container that it has not changes nothing."""
    if not sizes:
        return template
    by_container: dict[str, list[ContainerSize]] = {}
    for each in sizes:
        by_container.setdefault(each.container, []).append(each)
    spec = template["spec"]
    containers = [_with(each, by_container.get(each.get("name", ""), ())) for each in spec.get("containers", ())]
    return {**template, "spec": {**spec, "containers": containers}}


def remembered(moved: RolloutStatus | None, state: RolloutStatus | None, made: SizedRelease) -> RolloutStatus | None:
    """Return where a release stands with the sizes of the releases that may be gone back to, and of no others."""
    if moved is None:
        return None
    known = {each.release: each for each in (*(state.sized if state is not None else ()), made) if each.sizes}
    kept = tuple(known[name] for name in dict.fromkeys((moved.release, moved.stable)) if name in known)
    return moved if kept == moved.sized else msgspec.structs.replace(moved, sized=kept)


def sizes_of(state: RolloutStatus) -> tuple[ContainerSize, ...]:
    """Return the sizes that the release began with in place of its spec's."""
    return next((each.sizes for each in state.sized if each.release == state.release), ())


def amounts(template: Mapping[str, Any]) -> dict[SizePlace, ContainerSize]:
    """Return what the containers of a template request of cpu and memory."""
    found: dict[SizePlace, ContainerSize] = {}
    for container in template.get("spec", EMPTY).get("containers", ()):
        resources: Mapping[str, Any] = container.get("resources", EMPTY)
        requests, limits = (resources.get(name, EMPTY) for name in ("requests", "limits"))
        for name in _RESOURCES:
            if name in requests:
                size = ContainerSize(container["name"], name, str(requests[name]), str(limits.get(name, "")))
                found[size.place] = size
    return found


def _settled(state: RolloutStatus, base: str) -> SizedRelease | None:
    """Return the release that was made of a template before, if one may still be gone back to it."""
    for each in state.sized:
        if each.base == base:
            return each
    plain = {state.release, state.stable} - {each.release for each in state.sized}
    return SizedRelease(base, base) if base in plain else None


def _taken(
    state: RolloutStatus, template: Mapping[str, Any], serving: Mapping[str, Any], offer: Offer
) -> Iterator[ContainerSize]:
    """Yield what is taken of an offer, where that differs from what the template says."""
    wanted, runs = amounts(template), amounts(serving)
    name = release_label(serving)
    said = runs | {size.place: size for each in state.sized if each.release == name for size in each.said}
    for size in offer.sizes:
        asked, before, present = (each.get(size.place) for each in (wanted, said, runs))
        if asked is None or before is None or present is None or not _same(asked, before):
            continue
        least = present if name == state.stable else asked
        if state.phase == ROLLED_BACK and _amount(least.request) > _amount(size.request):
            size = least  # noqa: PLW2901  it is that one's turn in its place
        fits = not size.limit or _amount(size.request) <= _amount(size.limit)
        if bool(size.limit) == bool(asked.limit) and fits and not _same(size, asked):
            yield size


def _with(container: Mapping[str, Any], sizes: Sequence[ContainerSize]) -> Mapping[str, Any]:
    if not sizes:
        return container
    resources: Mapping[str, Any] = container.get("resources", EMPTY)
    changed = {"requests": {**resources.get("requests", EMPTY), **{each.resource: each.request for each in sizes}}}
    if limits := {each.resource: each.limit for each in sizes if each.limit}:
        changed["limits"] = {**resources.get("limits", EMPTY), **limits}
    return {**container, "resources": {**resources, **changed}}


def _same(one: ContainerSize, other: ContainerSize) -> bool:
    return (_amount(one.request), _amount(one.limit)) == (_amount(other.request), _amount(other.limit))


def _amount(text: str) -> Fraction:
    """Return an amount; no limit is none at all."""
    return parse_quantity(text) if text else Fraction(-1)
