"""What is missing between a team's objects as they are and as they are wanted. Pure.

What is in a team's own namespaces under our names is the team's, whoever wrote it; a namespace, a queue or a role that
somebody else made is never taken. A namespace is never deleted here: what a team does not name any more is kept,
without its members.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kubewright.api.applyset import Observed, identity, is_as_desired, kind_of
from kubewright.api.live import LiveObject, body, content
from kubewright.api.meta import Manifest, Resource
from kubewright.api.plan import Action, Announce, Apply, Delete
from kubewright.tenancy.family import Problem
from kubewright.tenancy.kinds import KINDS
from kubewright.tenancy.names import BREAK_GLASS, is_of, is_ours

NAMESPACE, QUEUE = "Namespace", "Queue"
_WHOLE = frozenset({"ClusterRole", "ClusterRoleBinding", "RoleBinding", "NetworkPolicy"})
"""Kinds that allow: something that somebody adds beside what is wanted is not left."""
_HOLDS = frozenset({NAMESPACE, QUEUE})
"""What is never made anew."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is: the team's objects, and whatever is at the names that it wants."""

    observed: Observed

    def of(self, team: str) -> Iterator[tuple[Resource[LiveObject], LiveObject]]:
        """Yield what is a team's."""
        return ((kind, live) for kind, live in self.observed.objects.values() if is_of(live, team))

    def namespaces_of(self, team: str) -> list[LiveObject]:
        """Return the namespaces that are a team's."""
        return sorted(
            (live for kind, live in self.of(team) if kind.kind == NAMESPACE), key=lambda each: each.metadata.name
        )


def foreign(wanted: Iterable[Manifest], seen: Seen, team: str) -> Iterator[tuple[Manifest, Problem]]:
    """Yield what is wanted at names that somebody else has: outside the team's namespaces."""
    for manifest in wanted:
        live = seen.observed.at(manifest)
        if "namespace" in manifest["metadata"] or live is None:
            continue
        theirs = not is_ours(live) if manifest["kind"] == "ClusterRole" else not is_of(live, team)
        if theirs:
            said = f"{manifest['kind']} {live.key} was there before and is not this team's: it is left alone"
            yield manifest, Problem("NameTaken", said, stops=False)


def missing(wanted: Sequence[Manifest], seen: Seen, *, again: bool) -> Iterator[Action]:
    """Yield what brings about what is wanted; `again` if it was there once."""
    for manifest in wanted:
        live = seen.observed.at(manifest)
        if live is not None and _is_so(live, manifest):
            continue
        kind = kind_of(manifest, KINDS)
        if live is None:
            # Nobody has told of one; if there is one all the same, it is somebody's.
            yield Apply(kind, manifest, only_new="namespace" not in manifest["metadata"])
            if again or kind.kind == NAMESPACE:
                verb = "Recreated" if again and kind.kind != NAMESPACE else "Created"
                yield Announce("Normal", verb, f"{kind.kind} {identity(manifest)[2]}")
        else:
            yield Apply(kind, manifest, or_replace="" if kind.kind in _HOLDS else live.metadata.uid)
            if again:
                yield Announce("Normal", "Repaired", f"{kind.kind} {live.key}")


def superfluous(wanted: Iterable[Manifest], seen: Seen, team: str, retired: Iterable[str]) -> Iterator[Action]:
    """Yield what removes what is not wanted any more; what holds a namespace that is kept stays with it."""
    names, kept = {identity(each) for each in wanted}, frozenset(retired)
    for kind, live in seen.of(team):
        if (kind.api_version, kind.kind, live.key) in names or kind.kind == NAMESPACE:
            continue
        if live.metadata.namespace in kept and kind.kind != "RoleBinding":
            continue
        if live.metadata.deletion_timestamp is None:
            yield Delete(kind, live.key, live.metadata.uid)
            if not live.metadata.name.startswith(BREAK_GLASS):
                yield Announce("Normal", "Pruned", f"{kind.kind} {live.key}: it is not asked for any more")


def _is_so(live: LiveObject, manifest: Manifest) -> bool:
    if not is_as_desired(live, manifest):
        return False
    return manifest["kind"] not in _WHOLE or content(live, manifest) == body(manifest)
