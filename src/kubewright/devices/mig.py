"""How a GPU divides into MIG instances: profiles, where each may begin, and what still fits beside what is there.

Positions and sizes count memory slices: an A100, H100, H200 or B200 has 8, an A30 has 4. A layout is valid if
its instances do not overlap, each begins where its profile may, and at most one a GPU has the media engines (`+me`).
Whoever counts placements by compute slices instead finds room that is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

RESOURCE_PREFIX = "nvidia.com/mig-"
_MEDIA = "+me"
_NAME = re.compile(r"(?P<compute>\d+)g\.(?P<memory>\d+)gb(?P<media>[.+]me)?")


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of instance of one GPU model."""

    name: str
    """As NVIDIA writes it: `1g.5gb`, `1g.5gb+me`."""
    compute: int
    """Compute slices, the first figure of the name."""
    memory_gb: int
    size: int
    """Memory slices."""
    starts: tuple[int, ...]

    @property
    def is_media(self) -> bool:
        """Return whether it comes with the media engines, which a GPU has once."""
        return self.name.endswith(_MEDIA)

    @property
    def resource(self) -> str:
        """Return its extended resource: `nvidia.com/mig-1g.5gb`, `nvidia.com/mig-1g.5gb.me`."""
        return RESOURCE_PREFIX + self.name.replace(_MEDIA, ".me")


@dataclass(frozen=True, slots=True, order=True)
class Instance:
    """An instance on one GPU: its profile and the memory slice at which it begins."""

    profile: str
    start: int


Layout = frozenset[Instance]


@dataclass(frozen=True, slots=True)
class Geometry:
    """All profiles of a model."""

    model: str
    slices: int
    compute: int
    profiles: Mapping[str, Profile]

    def occupied(self, layout: Iterable[Instance]) -> int:
        """Return the memory slices that are taken, as bits."""
        return sum(self._bits(each) for each in layout)

    def places(self, profile: str, layout: Layout) -> tuple[Instance, ...]:
        """Return where another instance of the profile would fit."""
        known = self.profiles.get(profile)
        if known is None or (known.is_media and any(self.profiles[each.profile].is_media for each in layout)):
            return ()
        taken = self.occupied(layout)
        places = (Instance(profile, start) for start in known.starts)
        return tuple(each for each in places if not self._bits(each) & taken)

    def fit(self, wanted: Mapping[str, int], around: Layout = frozenset()) -> Layout | None:
        """Return a layout that holds `around` unmoved and these many of each profile; None if there is none.

        The largest go first, each where it takes the least from those that may come (`blocked`).
        """
        order = sorted(
            (name for name, count in wanted.items() for _ in range(count)),
            key=lambda name: (-self.profiles[name].size if name in self.profiles else 0, name),
        )
        return self._fit(tuple(order), around)

    def blocked(self, instance: Instance, layout: Layout) -> int:
        """Return how many places of any profile an instance would take away from a layout."""
        after = layout | {instance}
        return sum(len(self.places(name, layout)) - len(self.places(name, after)) for name in self.profiles)

    def best_place(self, profile: str, layout: Layout) -> Instance | None:
        """Return the place that takes the fewest places from others, of several the highest; None if none is free."""
        places = self.places(profile, layout)
        return min(places, key=lambda each: (self.blocked(each, layout), -each.start), default=None)

    def layouts(self, profiles: Iterable[str]) -> Iterator[Layout]:
        """Yield every valid layout of these profiles, the empty one first."""
        instances = (Instance(name, start) for name in profiles for start in self.profiles[name].starts)
        yield from _layouts(self, frozenset(), tuple(instances))

    def _fit(self, names: tuple[str, ...], layout: Layout) -> Layout | None:
        if not names:
            return layout
        places = sorted(self.places(names[0], layout), key=lambda each: (self.blocked(each, layout), -each.start))
        for place in places:
            found = self._fit(names[1:], layout | {place})
            if found is not None:
                return found
        return None

    def _bits(self, instance: Instance) -> int:
        return (1 << self.profiles[instance.profile].size) - 1 << instance.start


def _layouts(geometry: Geometry, layout: Layout, left: tuple[Instance, ...]) -> Iterator[Layout]:
    yield layout
    for index, instance in enumerate(left):
        if instance in geometry.places(instance.profile, layout):
            yield from _layouts(geometry, layout | {instance}, left[index + 1 :])


_SEVEN = {
    "1g": (1, (0, 1, 2, 3, 4, 5, 6)),
    "1g double": (2, (0, 2, 4, 6)),
    "2g": (2, (0, 2, 4)),
    "3g": (4, (0, 4)),
    "4g": (4, (0,)),
    "7g": (8, (0,)),
}
"""Size and starts in memory slices of GPUs with seven compute slices."""
_FOUR = {"1g": (1, (0, 1, 2, 3)), "2g": (2, (0, 2)), "4g": (4, (0,))}


def _geometry(model: str, memory_gb: Mapping[str, int]) -> Geometry:
    places = _FOUR if "7g" not in memory_gb else _SEVEN
    profiles: dict[str, Profile] = {}
    for kind, gb in memory_gb.items():
        size, starts = places[kind]
        compute = int(kind[0])
        for media in ("", _MEDIA) if kind == "1g" else ("",):
            name = f"{compute}g.{gb}gb{media}"
            profiles[name] = Profile(name, compute, gb, size, starts)
    compute, slices = (4, 4) if places is _FOUR else (7, 8)
    return Geometry(model, slices, compute, profiles)


_GEOMETRIES = (
    _geometry("A30", {"1g": 6, "2g": 12, "4g": 24}),
    _geometry("A100-40GB", {"1g": 5, "1g double": 10, "2g": 10, "3g": 20, "4g": 20, "7g": 40}),
    _geometry("A100-80GB", {"1g": 10, "1g double": 20, "2g": 20, "3g": 40, "4g": 40, "7g": 80}),
    _geometry("H100-80GB", {"1g": 10, "1g double": 20, "2g": 20, "3g": 40, "4g": 40, "7g": 80}),
    _geometry("H200", {"1g": 18, "1g double": 35, "2g": 35, "3g": 71, "4g": 71, "7g": 141}),
    _geometry("B200", {"1g": 23, "1g double": 45, "2g": 45, "3g": 90, "4g": 90, "7g": 180}),
)
GEOMETRIES: Mapping[str, Geometry] = {each.model: each for each in _GEOMETRIES}


@cache
def geometry_of(product: str) -> Geometry | None:
    """Return the geometry of a model as its label `nvidia.com/gpu.product` names it; None if it has none that we know.

    `NVIDIA-A100-SXM4-40GB`, `NVIDIA-H100-80GB-HBM3-MIG-1g.10gb`, `NVIDIA-A30`: what follows `-MIG-` does not count.
    """
    words = set(product.upper().split("-MIG-", maxsplit=1)[0].replace("_", "-").split("-"))
    for model, geometry in GEOMETRIES.items():
        if all(part in words for part in model.upper().split("-")):
            return geometry
    return None


def profile_of(resource: str) -> str | None:
    """Return the profile that an extended resource asks for; None if it is not one of MIG's."""
    name = resource.removeprefix(RESOURCE_PREFIX)
    match = _NAME.fullmatch(name)
    if name == resource or match is None:
        return None
    media = _MEDIA if match["media"] else ""
    return f"{match['compute']}g.{match['memory']}gb{media}"
