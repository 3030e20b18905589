"""What one run of a container has used by itself: totals up to a moment, and the profile since."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from kubewright.twin.usage.curve import Curve
from kubewright.twin.usage.models import Room
from kubewright.twin.usage.profile import Profile
from kubewright.twin.usage.serving import Totals

CFS_PERIOD_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Reading:
    """A running container at one moment: counters since its start, and what it holds now."""

    container: str
    started_at: float
    room: Room
    cpu_cores: float
    """What it uses at this moment."""
    cpu_seconds: float
    throttled_seconds: float
    memory_bytes: float
    storage_bytes: float
    received_bytes: float
    sent_bytes: float
    gpu_duty: float
    gpu_seconds: float
    """The integral of the duty of each of its GPUs."""
    gpu_memory: float
    """Share of each of its GPUs' memory."""
    served: Totals | None
    """None for one that takes no requests at all."""


@dataclass(frozen=True, slots=True)
class Gone:
    """What the containers of a node had used that run no more, so that the node's own counters never fall."""

    containers: int = 0
    evictions: int = 0
    cpu_seconds: float = 0.0
    received_bytes: float = 0.0
    sent_bytes: float = 0.0

    def plus(self, last: Reading) -> Gone:
        """Return the sum with a container's last reading."""
        return Gone(
            self.containers + 1,
            self.evictions,
            self.cpu_seconds + last.cpu_seconds,
            self.received_bytes + last.received_bytes,
            self.sent_bytes + last.sent_bytes,
        )


@dataclass(frozen=True, slots=True)
class Account:
    """Own use of one run of a container, besides what its requests cost."""

    started_at: float
    since: float
    profile: Profile
    room: Room
    used: Curve
    """Cores, up to the limit."""
    starved: Curve
    """Cores that it wants beyond its limit."""
    cpu_seconds: float = 0.0
    starved_seconds: float = 0.0
    received_bytes: float = 0.0
    sent_bytes: float = 0.0
    gpu_seconds: float = 0.0

    @classmethod
    def opened(cls, profile: Profile, room: Room, started_at: float) -> Account:
        """Return the account of a container that has just begun."""
        return cls(started_at, started_at, profile, room, *_within_limit(profile, room))

    @property
    def spare_cores(self) -> float:
        """Return what is left for requests while the container's own use is at its highest."""
        return self.room.spare_cores(self.used.peak)

    def changed(self, profile: Profile, room: Room, now: float) -> Account:
        """Return the account with what was used up to now, going on by another profile or with other limits."""
        used, starved = _within_limit(profile, room)
        return replace(self.at(now), profile=profile, room=room, used=used, starved=starved)

    def at(self, now: float) -> Account:
        """Return the account with its totals brought up to now."""

        def gained(curve: Curve) -> float:
            return curve.integral(self.since, now, self.started_at)

        return replace(
            self,
            since=max(now, self.since),
            cpu_seconds=self.cpu_seconds + gained(self.used),
            starved_seconds=self.starved_seconds + gained(self.starved),
            received_bytes=self.received_bytes + gained(self.profile.receive),
            sent_bytes=self.sent_bytes + gained(self.profile.transmit),
            gpu_seconds=self.gpu_seconds + gained(self.profile.gpu),
        )

    def cpu_between(self, start: float, end: float) -> float:
        """Return the cpu used between two moments, by the present profile."""
        return self.used.integral(start, end, self.started_at)

    def reading(self, container: str, now: float, served: Totals | None, serving_cores: float) -> Reading:
        """Return what there is to be seen now, with what requests have cost and cost now."""
        totals, profile, began = self.at(now), self.profile, self.started_at
        more = served or Totals()
        return Reading(
            container=container,
            started_at=began,
            room=self.room,
            cpu_cores=self.used.value(now, began) + serving_cores,
            cpu_seconds=totals.cpu_seconds + more.cpu_seconds,
            throttled_seconds=totals.starved_seconds + more.starved_seconds,
            memory_bytes=math.floor(profile.memory.value(now, began)),
            storage_bytes=math.floor(profile.storage.value(now, began)),
            received_bytes=totals.received_bytes + more.received_bytes,
            sent_bytes=totals.sent_bytes + more.sent_bytes,
            gpu_duty=profile.gpu.value(now, began),
            gpu_seconds=totals.gpu_seconds,
            gpu_memory=profile.gpu_memory.value(now, began),
            served=served,
        )


def _within_limit(profile: Profile, room: Room) -> tuple[Curve, Curve]:
    """Split what a container wants into what its limit lets it have and the rest."""
    limit = math.inf if room.cpu_limit is None else room.cpu_limit
    return profile.cpu.map(lambda cores: min(cores, limit)), profile.cpu.map(lambda cores: max(0.0, cores - limit))
