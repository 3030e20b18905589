"""The images of a node: what is there, what is being pulled, one after the other, and what is thrown out for room.

Sizes come from an annotation or, the same on every node, from the image's name. Garbage is collected as kubelets do it,
but when an image arrives rather than every five minutes: above the high threshold the images that nobody uses go, the
longest unused first, until the low one is reached.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

HIGH_THRESHOLD = 0.85
LOW_THRESHOLD = 0.80
_SMALLEST_BYTES = 15e6
_LARGEST_BYTES = 600e6
_NAME = re.compile(
    r"(?:[a-zA-Z0-9][a-zA-Z0-9.-]*(?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@[a-z0-9]+:[0-9a-fA-F]{32,})?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Image:
    """An image on a node."""

    size_bytes: int
    used_at: float


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull that was begun."""

    began_at: float
    """When it had the line to itself."""
    ends_at: float


@dataclass(slots=True)
class NodeImages:
    """The images of one node."""

    capacity_bytes: int
    _images: dict[str, Image] = field(default_factory=dict[str, Image])
    _pulls: dict[str, Pull] = field(default_factory=dict[str, Pull])
    _free_at: float = 0.0

    def copy(self) -> NodeImages:
        """Return an independent store with the same images."""
        return NodeImages(self.capacity_bytes, dict(self._images), dict(self._pulls), self._free_at)

    def __contains__(self, image: str) -> bool:
        return image in self._images

    @property
    def used_bytes(self) -> int:
        """Return what the images take of the disk."""
        return sum(each.size_bytes for each in self._images.values())

    def pull(self, image: str, seconds: float, now: float) -> Pull:
        """Begin to pull, after the pulls that were begun before; one that is under way already is the same pull."""
        under_way = self._pulls.get(image)
        if under_way is not None and under_way.ends_at >= now:
            return under_way
        began_at = max(now, self._free_at)
        pull = self._pulls[image] = Pull(began_at, began_at + seconds)
        self._free_at = pull.ends_at
        return pull

    def began_at(self, image: str, otherwise: float) -> float:
        """Return when the pull that is under way had the line to itself."""
        pull = self._pulls.get(image)
        return otherwise if pull is None else pull.began_at

    def add(self, image: str, size_bytes: int, now: float, in_use: Collection[str]) -> None:
        """Take an image in, and throw others out if the disk is too full."""
        self.end_pull(image)
        self._images[image] = Image(size_bytes, now)
        used = self.used_bytes
        if used > HIGH_THRESHOLD * self.capacity_bytes:
            self._collect(used, {*in_use, image})

    def end_pull(self, image: str) -> None:
        """Forget a pull that has ended, well or not."""
        self._pulls.pop(image, None)

    def touch(self, image: str, now: float) -> None:
        """Note that an image is used."""
        present = self._images.get(image)
        if present is not None:
            self._images[image] = replace(present, used_at=now)

    def _collect(self, used: int, kept: Iterable[str]) -> None:
        keep = set(kept)
        garbage = sorted((each.used_at, name) for name, each in self._images.items() if name not in keep)
        for _, name in garbage:
            if used <= LOW_THRESHOLD * self.capacity_bytes:
                return
            used -= self._images.pop(name).size_bytes


def size_of(image: str) -> int:
    """Return the size that an image has by its name: between 15 and 600 MB."""
    share = zlib.crc32(image.encode()) / 0xFFFFFFFF
    return int(_SMALLEST_BYTES * math.exp(share * math.log(_LARGEST_BYTES / _SMALLEST_BYTES)))


def is_name(image: str) -> bool:
    """Tell whether a runtime could make sense of an image's name."""
    return _NAME.fullmatch(image) is not None


def with_tag(image: str) -> str:
    """Name an image as runtimes list it: one without tag or digest is its `latest`."""
    last = image.rpartition("/")[2]
    return image if ":" in last or "@" in last else f"{image}:latest"


def image_id(image: str) -> str:
    """Return what stands as an image's id in the status of containers."""
    return f"twin://{with_tag(image)}"
