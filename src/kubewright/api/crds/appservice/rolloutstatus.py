"""How far a release has come: all that a rollout must remember, so that whoever takes over goes on from here."""

from __future__ import annotations

from typing import Annotated

from kubewright.api.crds.containersize import ContainerSize
from kubewright.api.described import described
from kubewright.api.meta import Leaf

REHEARSING, STABLE, PROGRESSING, SWITCHED = "Rehearsing", "Stable", "Progressing", "Switched"
PROMOTING, VERIFYING, ROLLED_BACK = "Promoting", "Verifying", "RolledBack"
PHASES = (REHEARSING, STABLE, PROGRESSING, SWITCHED, PROMOTING, VERIFYING, ROLLED_BACK)
_COUNT = {"format": "int32"}
_TIME = {"format": "date-time"}


class SizedRelease(Leaf, frozen=True, omit_defaults=True):
    """A release that does not request what its spec says, but what a SizePolicy offered when it began."""

    release: Annotated[str, described("The release.", required=True)] = ""
    base: Annotated[str, described("The release that the spec by itself would be.", required=True)] = ""
    sizes: Annotated[tuple[ContainerSize, ...], described("What its containers have.", atomic=True)] = ()
    said: Annotated[tuple[ContainerSize, ...], described("What the spec says in their place.", atomic=True)] = ()


class RolloutStatus(Leaf, frozen=True, omit_defaults=True):
    """How far a release has come. A release is named by a digest of the pods' template."""

    phase: Annotated[
        str,
        described(
            "Rehearsing: tried on a copy of the cluster, nothing runs yet. "
            "Progressing: on its way. Switched: takes all traffic, the old one is kept ready. Promoting: takes over. "
            "Verifying: has taken over and is watched. Stable: is good. RolledBack: was bad, and is not tried again.",
            {"enum": list(PHASES)},
        ),
    ] = ""
    release: Annotated[str, described("The release that is wanted.")] = ""
    stable: Annotated[str, described("The last release that proved good.")] = ""
    step: Annotated[int, described("The canary's present step, from 0.", _COUNT)] = 0
    weight: Annotated[int, described("Percent of the traffic meant for the release.", _COUNT)] = 0
    started: Annotated[str | None, described("When the release began.", _TIME)] = None
    since: Annotated[str | None, described("When the present phase or step began.", _TIME)] = None
    strikes: Annotated[int, described("How often in a row a gate has failed.", _COUNT)] = 0
    baseline: Annotated[
        tuple[float, ...],
        described("The share of bad requests that the old pods had, by objective: errors, latency.", atomic=True),
    ] = ()
    undone: Annotated[
        int, described("The revision that undo named when the release was chosen.", {"format": "int64"})
    ] = 0
    sized: Annotated[
        tuple[SizedRelease, ...],
        described("The sizes that the release, and the last good one, began with in place of the spec's.", atomic=True),
    ] = ()
    reason: Annotated[str, described("Why it stays or was rolled back, as one word.")] = ""
    message: Annotated[str, described("The same as a sentence.")] = ""
