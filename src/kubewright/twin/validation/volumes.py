"""Volumes of a pod, and which of them later mounts may name."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import dicts, text
from kubewright.twin.validation import names
from kubewright.twin.validation.fields import FieldError, duplicate, forbidden, invalid, not_supported, required

_MODE_LIMIT = 0o777
_BAD_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_NEEDS = {
    "hostPath": "path",
    "configMap": "name",
    "secret": "secretName",
    "persistentVolumeClaim": "claimName",
    "nfs": "server",
    "csi": "driver",
}
_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)


def validate_volumes(pod_spec: Any, path: str) -> tuple[set[str], list[FieldError]]:
    """Return the names that may be mounted, and what is wrong; a faulty volume cannot be mounted."""
    known: set[str] = set()
    errors: list[FieldError] = []
    for index, volume in enumerate(dicts(pod_spec, "volumes")):
        here = f"{path}[{index}]"
        name = text(volume, "name")
        found = _source(volume, here)
        found += (
            [invalid(f"{here}.name", name, p) for p in names.dns_label(name)] if name else [required(f"{here}.name")]
        )
        if name in known:
            found.append(duplicate(f"{here}.name", name))
        if not found:
            known.add(name)
        errors += found
    return known, errors


def _source(volume: Manifest, path: str) -> list[FieldError]:
    sources = [name for name, value in volume.items() if name != "name" and value is not None]
    errors = [forbidden(f"{path}.{extra}", "may not specify more than 1 volume type") for extra in sources[1:]]
    if not sources:
        return [required(path, "must specify a volume type")]
    return errors + _content(sources[0], volume[sources[0]], f"{path}.{sources[0]}")


def _content(kind: str, source: Any, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    field = _NEEDS.get(kind)
    if field and not text(source, field):
        errors.append(required(f"{path}.{field}"))
    mode = source.get("defaultMode") if isinstance(source, dict) else None  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]  JSON
    if isinstance(mode, int) and not 0 <= mode <= _MODE_LIMIT:
        errors.append(invalid(f"{path}.defaultMode", mode, _BAD_MODE))
    if kind == "hostPath":
        errors += _host_path(source, path)
    return errors


def _host_path(source: Any, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if ".." in text(source, "path").split("/"):
        errors.append(invalid(f"{path}.path", text(source, "path"), "must not contain '..'"))
    kind = text(source, "type")
    if kind not in _HOST_PATH_TYPES:
        errors.append(not_supported(f"{path}.type", kind, _HOST_PATH_TYPES))
    return errors
