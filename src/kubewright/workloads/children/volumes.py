"""Volumes, their mounts, the claims made for them, and the files that a ConfigMap holds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from kubewright.api.core import CONFIG_MAPS
from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.volumes import AppServiceVolume, ClaimTemplate
from kubewright.api.meta import EMPTY, Manifest
from kubewright.api.quantity import canonical
from kubewright.api.volumes import CLAIMS
from kubewright.workloads.children.identity import TEAM_LABEL, child, labels, present

FILES_SUFFIX = "-files"
_DIGEST = 10
_PRUNE_LAST = {"argocd.argoproj.io/sync-options": "PruneLast=true"}
"""For those who render: pods of the release before read its files until those of the new one are well."""
_TMP = "/tmp"  # noqa: S108  the path in the container, where programs expect to be able to write
_NOT_IN_KEYS = re.compile(r"[^-._a-zA-Z0-9]")


def files(app: AppService) -> Manifest | None:
    """Return the ConfigMap that holds the files of this release; those of earlier ones stay while they are needed."""
    if not app.spec.files:
        return None
    data = {_file_key(path): content for path, content in sorted(app.spec.files.items())}
    return child(app, CONFIG_MAPS, suffix=_files_suffix(app), annotations=_PRUNE_LAST, data=data, immutable=True)


def config_maps_of(template: Mapping[str, Any]) -> Iterator[str]:
    """Return the names of the ConfigMaps that the pods of a template mount."""
    for volume in template.get("spec", EMPTY).get("volumes", ()) or ():
        name = (volume.get("configMap") or EMPTY).get("name")
        if name:
            yield name


def _files_suffix(app: AppService) -> str:
    """Return what names the files by what is in them: other files are another ConfigMap, and so another release."""
    text = "\0".join(f"{path}\0{content}" for path, content in sorted(app.spec.files.items()))
    return f"{FILES_SUFFIX}-{hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]}"


def claims(app: AppService) -> list[tuple[Manifest, bool]]:
    """Return the claims of an application whose pods share them, each with whether it goes with the application."""
    if app.spec.is_stateful:
        return []
    return [
        (child(app, CLAIMS, suffix=f"-{volume.name}", spec=_claim_spec(volume.template)), volume.template.delete)
        for volume in app.spec.volumes
        if volume.template is not None
    ]


def claim_templates(app: AppService) -> list[Manifest]:
    """Return the claims of a stateful application, of which each pod gets its own; they can never be changed."""
    kept = {name: value for name, value in labels(app).items() if name != TEAM_LABEL}
    return [
        {"metadata": {"name": volume.name, "labels": kept}, "spec": _claim_spec(volume.template)}
        for volume in app.spec.volumes
        if volume.template is not None
    ]


def _claim_spec(template: ClaimTemplate) -> dict[str, Any]:
    size = canonical(template.size if template.size is not None else "1Gi")
    return {
        "accessModes": [template.access_mode],
        "resources": {"requests": {"storage": size}},
        **present(storageClassName=template.storage_class),
    }


def volumes(app: AppService) -> list[dict[str, Any]]:
    """Return the pod's volumes; those of a stateful application's claims come with each pod."""
    own_claims = app.spec.is_stateful
    found = [
        {"name": volume.name, **_source(app, volume)}
        for volume in app.spec.volumes
        if not (own_claims and volume.template is not None)
    ]
    if app.spec.files:
        found.append(
            {"name": _free_name(app, "files"), "configMap": {"name": f"{app.metadata.name}{_files_suffix(app)}"}}
        )
    if _needs_tmp(app):
        found.append({"name": _free_name(app, "tmp"), "emptyDir": {}})
    return found


def mounts(app: AppService) -> list[dict[str, Any]]:
    """Return where the container sees them."""
    found = [
        {"name": volume.name, "mountPath": volume.mount_path}
        | present(subPath=volume.sub_path, readOnly=volume.read_only)
        for volume in app.spec.volumes
    ]
    found += [
        {"name": _free_name(app, "files"), "mountPath": path, "subPath": _file_key(path), "readOnly": True}
        for path in sorted(app.spec.files)
    ]
    if _needs_tmp(app):
        found.append({"name": _free_name(app, "tmp"), "mountPath": _TMP})
    return found


def binds_to_one_node(app: AppService) -> bool:
    """Whether its pods share a volume that only one node mounts at a time: then the old pod goes before the new."""
    return any(
        volume.template is not None and volume.template.access_mode in {"ReadWriteOnce", "ReadWriteOncePod"}
        for volume in app.spec.volumes
    )


def _source(app: AppService, volume: AppServiceVolume) -> dict[str, Any]:
    if volume.host_path is not None:
        return {"hostPath": {"path": volume.host_path.path} | present(type=volume.host_path.type)}
    if volume.config_map is not None:
        return {"configMap": {"name": volume.config_map.name} | present(optional=volume.config_map.optional)}
    if volume.secret is not None:
        return {"secret": {"secretName": volume.secret.name} | present(optional=volume.secret.optional)}
    if volume.template is not None:
        return {"persistentVolumeClaim": {"claimName": f"{app.metadata.name}-{volume.name}"}}
    if volume.claim:
        return {"persistentVolumeClaim": {"claimName": volume.claim} | present(readOnly=volume.read_only)}
    folder = volume.empty_dir
    size = canonical(folder.size) if folder is not None and folder.size is not None else ""
    return {"emptyDir": present(sizeLimit=size, medium="Memory" if folder is not None and folder.memory else "")}


def _needs_tmp(app: AppService) -> bool:
    """Whether programs would find no place to write temporary files."""
    taken = {volume.mount_path.rstrip("/") for volume in app.spec.volumes}
    return not app.spec.security.writable_root and _TMP not in taken


def _free_name(app: AppService, name: str) -> str:
    """Return a volume's name that the application has not given to one of its own."""
    taken = {volume.name for volume in app.spec.volumes}
    while name in taken:
        name = f"{name}-0"
    return name


def _file_key(path: str) -> str:
    """Return a key of a ConfigMap for a path: its last part, told apart from namesakes."""
    digest = hashlib.sha256(path.encode()).hexdigest()[:8]
    return f"{digest}-{_NOT_IN_KEYS.sub('_', path.rpartition('/')[2])[:200]}"
