"""Who asked the API server for what, by its own audit log: the same count for every client."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

RESOURCES = {
    "": ["services", "events"],
    "apps": ["deployments"],
    "bench.kubewright.dev": ["webapps", "webapps/status"],
    "coordination.k8s.io": ["leases"],
}
THEIRS = ("kube-apiserver", "kube-controller-manager")


def audit_flags(folder: Path, log: Path) -> list[str]:
    """Return the API server's flags that have it log calls about these kinds of objects."""
    policy: dict[str, Any] = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {
                "level": "Metadata",
                "resources": [{"group": group, "resources": names} for group, names in RESOURCES.items()],
            },
            {"level": "None"},
        ],
    }
    file = folder / "audit-policy.json"
    file.write_text(json.dumps(policy))
    return [f"--audit-policy-file={file}", f"--audit-log-path={log}", "--audit-log-maxsize=1000"]


class _Reference(msgspec.Struct, frozen=True):
    resource: str = ""


class _Entry(msgspec.Struct, rename="camel"):
    stage: str
    verb: str
    user_agent: str = ""
    object_ref: _Reference = _Reference()


_entry = msgspec.json.Decoder(_Entry)


@dataclass(slots=True)
class Audit:
    """A log that is read as it grows; calls of this program's own agent and of the control plane are left out."""

    log: Path
    mine: str = "bench"
    _read: int = 0

    def take(self) -> Counter[str]:
        """Count by verb what was called since this was asked for last."""
        return Counter(entry.verb for entry in self._entries(forget=True) if _counts(entry))

    def watched(self) -> bool:
        """Tell whether somebody has begun to watch the objects since then."""
        return any(
            entry.verb == "watch" and entry.object_ref.resource == "webapps" for entry in self._entries(forget=False)
        )

    def _entries(self, *, forget: bool) -> list[_Entry]:
        with self.log.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        if forget:
            self._read += len(whole)
        entries = (_entry.decode(line) for line in whole.splitlines())
        return [entry for entry in entries if not entry.user_agent.startswith((self.mine, *THEIRS))]


def _counts(entry: _Entry) -> bool:
    """Count each call once: a watch when it begins, all else when it is answered."""
    return entry.stage == ("ResponseStarted" if entry.verb == "watch" else "ResponseComplete")
