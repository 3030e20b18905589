"""What speaks against an installation, said before anything is written. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubewright.api.apiextensions import forgotten
from kubewright.api.live import LiveObject
from kubewright.api.meta import Manifest, Resource
from kubewright.api.releases import OLDEST, release_of, written
from kubewright.errors import ErrorKind, OpError
from kubewright.install.kinds import MANAGED_BY, PLACE
from kubewright.install.record import Record
from kubewright.install.settings import order


def check_server(version: dict[str, Any]) -> None:
    """Raise OpError where the cluster is older than what the platform uses."""
    if release_of(version) < OLDEST:
        told = version.get("gitVersion", "unknown")
        detail = f"Kubernetes {written(OLDEST)} or newer is needed, this is {told}"
        raise OpError("install", ErrorKind.INVALID, "the cluster", detail)


def check_release(record: Record | None, version: str, *, downgrade: bool) -> None:
    """Raise OpError CONFLICT where a newer release is there and nobody asked to go back."""
    if record is None or downgrade or order(record.settings.version) <= order(version):
        return
    there = record.settings.version
    detail = (
        f"{there} is installed, which is newer than this {version}: install with the newer program, or go back "
        "with --downgrade"
    )
    raise OpError("install", ErrorKind.CONFLICT, f"kubewright {there}", detail)


def check_holders(found: Iterable[tuple[Resource[LiveObject], LiveObject]], namespace: str, installer: str) -> None:
    """Raise OpError CONFLICT for an object that another installer, or another installation, keeps."""
    for kind, live in found:
        labels = live.metadata.labels
        holder, place = labels.get(MANAGED_BY, installer), labels.get(PLACE, namespace)
        if holder != installer:
            detail = f"{holder} keeps it: upgrade with that, or remove it there first"
        elif place != namespace:
            detail = f"it belongs to the installation in {place}: use -n {place}, or uninstall that one first"
        else:
            continue
        raise OpError("install", ErrorKind.CONFLICT, kind.target(live.key), detail)


def check_stored(live: LiveObject, manifest: Manifest) -> None:
    """Raise OpError CONFLICT where objects are stored in a version that the definition to come does not know."""
    if lost := forgotten(live.status, manifest):
        detail = (
            f"objects may be stored as {', '.join(lost)}, which this release does not know: nothing was written. "
            "Stay with the newer release, or go back by one that knows both"
        )
        raise OpError("install", ErrorKind.CONFLICT, live.metadata.name, detail)
