"""The names of a project and of a kind, and what follows from them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kubewright.errors import ErrorKind, OpError

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,50}[a-z0-9])?")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,50}")
_GROUP = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
_SIBILANT = ("s", "x", "z", "ch", "sh")


@dataclass(frozen=True, slots=True)
class Names:
    """A project and one kind of it."""

    name: str
    kind: str
    group: str
    plural: str = ""

    def __post_init__(self) -> None:
        """Refuse names that Kubernetes or Python would refuse later; raises OpError."""
        for what, pattern, text in (("a name", _NAME, self.name), ("a kind", _KIND, self.kind)):
            if not pattern.fullmatch(text):
                wanted = "like my-operator" if what == "a name" else "like WebCache"
                raise OpError("new", ErrorKind.INVALID, text, f"{what} is written {wanted}")
        if not _GROUP.fullmatch(self.group):
            raise OpError("new", ErrorKind.INVALID, self.group, "a group is a domain of yours, like cache.example.com")

    def answers(self) -> dict[str, str]:
        """Return what the templates ask for."""
        lower = self.kind.lower()
        module = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", self.kind).lower()
        plural = self.plural or plural_of(lower)
        return {
            "name": self.name,
            "package": self.name.replace("-", "_"),
            "kind": self.kind,
            "group": self.group,
            "plural": plural,
            "singular": lower,
            "module": module,
        }


def plural_of(word: str) -> str:
    """Return the plural, as English mostly has it."""
    if word.endswith("y") and word[-2:-1] not in {"a", "e", "i", "o", "u"}:
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(_SIBILANT) else f"{word}s"
