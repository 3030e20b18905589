"""What two clusters may say differently, taken out of their answers.

Declared fields: uids, present times, versions, generated names, allocated addresses and ports. Each is replaced by a
symbol that tells which one it is, numbered as they turn up, so that "the same as before" and "another" are compared.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]

_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Times that a sequence writes lie before 2020.
_TIME = re.compile(r"20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_ADDRESS = re.compile(r"10\.96\.\d+\.\d+")
_NAME = re.compile(r"\b(?:gen|kube-api-access)-[bcdfghjklmnpqrstvwxz2456789]{5}\b")
_RECORD = re.compile(r"(does not match the ResourceVersion in record \()\d+(\))")
_SHOWN = re.compile(r'(resourceVersion\\?":\\?")\d+(\\?")')
_CURRENT = re.compile(r"(Too large resource version: \d+, current: )\d+")
# A real server shows the difference of its own structures, which no client can read anything from.
_DIFFERENCE = re.compile(r"(spec is immutable after creation except [^\n\\]+)(?:\n|\\n).*", re.DOTALL)
_PRECONDITION = re.compile(r"(ResourceVersion in precondition: )\S+(, ResourceVersion in object meta: )\d+")


@dataclass
class Names:
    """The symbols of one cluster's values."""

    seen: dict[str, str] = field(default_factory=dict[str, str])
    counts: dict[str, int] = field(default_factory=dict[str, int])

    def symbol(self, what: str, value: str) -> str:
        """Give the symbol of a value."""
        key = f"{what} {value}"
        if key not in self.seen:
            self.counts[what] = self.counts.get(what, 0) + 1
            self.seen[key] = f"<{what} {self.counts[what]}>"
        return self.seen[key]

    def neutral(self, document: Any) -> Any:
        """Copy an answer with symbols for what may differ."""
        return self._walk(document, ())

    def _walk(self, value: Any, path: tuple[str, ...]) -> Any:
        match value:
            case dict():
                return self._object(value, path)
            case list():
                return [self._walk(each, (*path, "")) for each in value]
            case str():
                return self._text(value)
            case _:
                return value

    def _object(self, value: Document, path: tuple[str, ...]) -> Document:
        made = {name: self._walk(each, (*path, name)) for name, each in value.items()}
        if path[-1:] == ("metadata",) and "resourceVersion" in made:
            is_list = len(path) == 1 and "name" not in made
            made["resourceVersion"] = "<present>" if is_list else self.symbol("version", str(value["resourceVersion"]))
        for port in ("nodePort", "healthCheckNodePort"):
            if isinstance(made.get(port), int) and made[port] > 30010:
                made[port] = self.symbol("port", str(made[port]))
        if "details" in made and len((made["details"] or {}).get("causes") or ()) > 1:
            _sort_causes(made)
        return made

    def _text(self, value: str) -> str:
        value = _UID.sub(lambda found: self.symbol("uid", found[0]), value)
        value = _NAME.sub(lambda found: self.symbol("name", found[0]), value)
        value = _ADDRESS.sub(lambda found: self.symbol("address", found[0]), value)
        value = _PRECONDITION.sub(r"\1<version>\2<version>", value)
        value = _RECORD.sub(r"\1<version>\2", value)
        value = _SHOWN.sub(r"\1<version>\2", value)
        value = _DIFFERENCE.sub(r"\1", value)
        value = _CURRENT.sub(r"\1<version>", value)
        return _TIME.sub("<time>", value)

    def versions(self) -> list[str]:
        """Give the symbols of the versions in the order of their numbers."""
        numbers = {
            int(key.partition(" ")[2]): symbol for key, symbol in self.seen.items() if key.startswith("version ")
        }
        return [symbol for _, symbol in sorted(numbers.items())]


def _sort_causes(status: Document) -> None:
    """A real server tells of several faults in any order, in the causes and in the message alike."""
    causes = status["details"]["causes"]
    causes.sort(key=lambda cause: json.dumps(cause, sort_keys=True))
    head, bracket, _ = status["message"].partition(" is invalid: [")
    if bracket:
        status["message"] = f"{head} is invalid: [...]"
