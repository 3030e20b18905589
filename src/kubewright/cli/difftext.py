"""An object as it is beside what it would be, as lines; for `kubewright diff` and `monitoring install --diff`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import Any, cast

import msgspec

from kubewright.api.core import SECRETS
from kubewright.api.drift import FINGERPRINT
from kubewright.api.live import LiveObject
from kubewright.api.meta import EMPTY, Resource
from kubewright.api.revisions import REVISION
from kubewright.cli.main import fail, found
from kubewright.cli.terminal import coloured, say
from kubewright.cli.yamlform import dump
from kubewright.errors import OpError

_ADDED, _REMOVED, _PLACE = "green", "red", "cyan"


def unified(kind: Resource[LiveObject], before: LiveObject | None, after: LiveObject | None) -> Iterator[str]:
    """Yield the lines of a unified diff between an object as it is and as it would be; None where there is none."""
    name = kind.target((after or before or LiveObject()).key)
    if kind.kind == SECRETS.kind:
        before, after = _masked(before, after)
    old, new = (_text(kind, each).splitlines() for each in (before, after))
    yield from difflib.unified_diff(old, new, f"live {name}", f"merged {name}", lineterm="")


def _text(kind: Resource[LiveObject], obj: LiveObject | None) -> str:
    """Write what a user or the platform says in an object: not what the server counts, nor our own marks."""
    if obj is None:
        return ""
    annotations = {name: text for name, text in sorted(obj.metadata.annotations.items()) if name not in _UNTOLD}
    metadata: dict[str, Any] = {"name": obj.metadata.name, "namespace": obj.metadata.namespace}
    metadata |= {"labels": dict(sorted(obj.metadata.labels.items()))} if obj.metadata.labels else {}
    metadata |= {"annotations": annotations} if annotations else {}
    content = {"spec": obj.spec, "data": obj.data}
    said = {name: _sorted(value) for name, value in content.items() if value}
    if obj.automount_service_account_token is not None:
        said["automountServiceAccountToken"] = obj.automount_service_account_token
    return dump({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **said})


def _masked(before: LiveObject | None, after: LiveObject | None) -> tuple[LiveObject | None, LiveObject | None]:
    """Hide what a Secret holds; what differs is told apart, as kubectl does."""
    old, new = (each.data if each is not None else EMPTY for each in (before, after))
    same = {name for name in old if old[name] == new.get(name)}

    def hide(obj: LiveObject | None, when: str) -> LiveObject | None:
        if obj is None:
            return None
        data = {
            name: "***" if name in same or name not in old or name not in new else f"*** ({when})" for name in obj.data
        }
        return msgspec.structs.replace(obj, data=data)

    return hide(before, "before"), hide(after, "after")


_UNTOLD = frozenset({FINGERPRINT, "kubectl.kubernetes.io/last-applied-configuration", REVISION})


def _sorted(value: Any) -> Any:
    """Put fields in order, so that two servers' orders are no difference."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {name: _sorted(fields[name]) for name in sorted(fields)}
    return [_sorted(each) for each in cast("list[Any]", value)] if isinstance(value, list) else value


def shown(ask: Callable[[], list[str]], *, color: bool | None = None) -> int:
    """Print lines of a diff, and return an exit code as kubectl's: 0 for none, 1 for some, 2 when there is no telling.

    Coloured where that is asked for, by default on a terminal.
    """
    try:
        lines = ask()
    except Exception as error:
        failure = found(error, OpError)
        if failure is None:
            raise
        fail(failure)
        return 2
    with_colour = coloured(color)
    for line in lines:
        say(line, style=_style(line) if with_colour else None)
    return 1 if lines else 0


def _style(line: str) -> dict[str, Any]:
    if line.startswith(("+++", "---")):
        return {"bold": True}
    colours = {"+": _ADDED, "-": _REMOVED, "@": _PLACE}
    return {"fg": colours[line[0]]} if line[:1] in colours else {}
