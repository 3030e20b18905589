"""The children of one object: what to apply, what to prune, and what not to touch. Pure; for `decide.py` files.

    owned = ApplySet(cache, CACHES, children.kinds, labels={"example.com/cache": cache.metadata.name})
    desired = [owned.child(config_map(cache)), owned.child(deployment(cache))]
    if (taken := owned.taken(desired, observed)): ...        # names that hold objects of someone else
    actions = owned.converge(desired, observed)

A child that is as it is wanted is left alone, so a plan for a world that fits has no actions; one that is the owner's
and not wanted any more is deleted; one that belongs to someone else is neither applied nor deleted. What was observed
comes from `runtime.children`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from kubewright.api.drift import covers, with_fingerprint
from kubewright.api.live import LiveObject, body, content
from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource, controller_of, manifest_key
from kubewright.api.owners import is_owned_by, owner_reference
from kubewright.api.plan import Action, Apply, Delete

Identity: TypeAlias = tuple[str, str, ObjectKey]
"""`apiVersion`, kind, and the name."""


@dataclass(slots=True)
class Observed:
    """Children as they are, whoever made them: those that the owner has, and those at the names that it wants."""

    objects: dict[Identity, tuple[Resource[LiveObject], LiveObject]] = field(
        default_factory=dict[Identity, tuple[Resource[LiveObject], LiveObject]]
    )
    beyond_caches: bool = False
    """Whether some of it was only found by asking: no cache will tell when that changes."""
    unasked: set[Identity] = field(default_factory=set[Identity])
    """What no cache knows and nobody asked for: probably free, so it may be made, but not made over."""

    def add(self, resource: Resource[LiveObject], live: LiveObject) -> None:
        """Note one."""
        self.objects[resource.api_version, resource.kind, live.key] = (resource, live)

    def at(self, manifest: Manifest) -> LiveObject | None:
        """Return the object that has the manifest's kind and name."""
        found = self.objects.get(identity(manifest))
        return found[1] if found is not None else None

    def of(self, resource: Resource[Any]) -> list[LiveObject]:
        """Return those of one kind."""
        return [live for kind, live in self.objects.values() if kind.kind == resource.kind]


def identity(manifest: Manifest) -> Identity:
    """Return what tells the manifest's object from all others."""
    return manifest["apiVersion"], manifest["kind"], manifest_key(manifest)


@dataclass(frozen=True, slots=True)
class ApplySet:
    """The children of `owner`, which is of kind `resource`."""

    owner: KubeObject
    resource: Resource[Any]
    kinds: tuple[Resource[LiveObject], ...]
    """What the children may be: those of other kinds are not seen, so not made either."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """On every child, and different for every owner: a child that lost its owner reference is known by them."""

    def child(self, manifest: Manifest) -> Manifest:
        """Return a manifest as the owner's child: in its namespace unless it says otherwise, owned, and recognisable.

        An object of another namespace, or of none, cannot name an owner that has one: it gets no reference, and is the
        finalizer's to remove.
        """
        owner, metadata = self.owner.metadata, dict(manifest["metadata"])
        if self.labels:
            metadata["labels"] = {**metadata.get("labels", {}), **self.labels}
        namespace = metadata.setdefault("namespace", owner.namespace)
        if not namespace:
            del metadata["namespace"]
        if not self.resource.namespaced or namespace == owner.namespace:
            metadata["ownerReferences"] = [owner_reference(self.owner, self.resource)]
        return with_fingerprint({**manifest, "metadata": metadata})

    def taken(self, desired: Sequence[Manifest], observed: Observed) -> list[str]:
        """Say of each wanted name that holds someone else's object whose it is: one sentence each."""
        return [
            _whose(manifest, live)
            for manifest in desired
            if (live := observed.at(manifest)) is not None and not self.owns(live)
        ]

    def owns(self, live: KubeObject) -> bool:
        """Whether the object is the owner's: as its controller, or without one as an owner or by labels."""
        controller = controller_of(live)
        if controller is not None:
            return controller.uid == self.owner.metadata.uid
        labels = live.metadata.labels
        return is_owned_by(live, self.owner) or (bool(self.labels) and covers(labels, self.labels))

    def converge(self, desired: Sequence[Manifest], observed: Observed) -> tuple[Action, ...]:
        """Return what is missing between what was observed and what is desired: applies first, then what is pruned."""
        return (*self._applied(desired, observed), *self._pruned(desired, observed))

    def remaining(self, observed: Observed) -> list[tuple[Resource[LiveObject], LiveObject]]:
        """Return the owner's children that are still there: a finalizer waits until there are none."""
        return [(kind, live) for kind, live in observed.objects.values() if self.owns(live)]

    def dismantle(self, observed: Observed) -> tuple[Action, ...]:
        """Return the deletion of every child that is not on its way already."""
        return tuple(deletions(self.remaining(observed)))

    def _applied(self, desired: Sequence[Manifest], observed: Observed) -> Iterator[Action]:
        for manifest in desired:
            live = observed.at(manifest)
            if live is None:
                yield Apply(self._kind_of(manifest), manifest, only_new=identity(manifest) in observed.unasked)
            elif self.owns(live) and not is_as_desired(live, manifest):
                seen = covers(live.metadata.annotations, manifest["metadata"]["annotations"])
                yield Apply(self._kind_of(manifest), manifest, or_replace=live.metadata.uid if seen else "")

    def _pruned(self, desired: Sequence[Manifest], observed: Observed) -> Iterator[Action]:
        wanted = {identity(manifest) for manifest in desired}
        yield from deletions(
            (kind, live)
            for kind, live in self.remaining(observed)
            if (kind.api_version, kind.kind, live.key) not in wanted
        )

    def _kind_of(self, manifest: Manifest) -> Resource[LiveObject]:
        return kind_of(manifest, self.kinds)


def kind_of(manifest: Manifest, kinds: Iterable[Resource[LiveObject]]) -> Resource[LiveObject]:
    """Return which of the kinds a manifest is of; raises TypeError for none of them."""
    for kind in kinds:
        if (kind.api_version, kind.kind) == (manifest["apiVersion"], manifest["kind"]):
            return kind
    raise TypeError(f"{manifest['kind']} is not among the kinds of this set")


def is_as_desired(live: LiveObject, desired: Manifest) -> bool:
    """Whether a live object still holds every field of the manifest that it was made from."""
    metadata = desired["metadata"]
    owners = {(ref["uid"], ref.get("controller", False)) for ref in metadata.get("ownerReferences", ())}
    return (
        owners <= {(ref.uid, ref.controller) for ref in live.metadata.owner_references}
        and covers(live.metadata.labels, metadata.get("labels", {}))
        and covers(live.metadata.annotations, metadata["annotations"])
        and covers(content(live, desired), body(desired))
    )


def deletions(children: Iterable[tuple[Resource[LiveObject], LiveObject]]) -> Iterator[Delete]:
    """Yield the deletion of each that is not on its way already."""
    for kind, live in children:
        if live.metadata.deletion_timestamp is None:
            yield Delete(kind, live.key, live.metadata.uid)


def _whose(manifest: Manifest, live: LiveObject) -> str:
    owner = controller_of(live)
    holder = f"belongs to {owner.kind} {owner.name}" if owner else "was made by someone else"
    return f"{manifest['kind']} {live.key} {holder}"
