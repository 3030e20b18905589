"""The manifest of a Team from a file and options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from kubewright.api.crds.team import ROLES, TEAMS
from kubewright.api.meta import Manifest
from kubewright.cli.documents import read
from kubewright.errors import ErrorKind, OpError

_KINDS = {"user": "User", "group": "Group", "sa": "ServiceAccount"}


def manifest(name: str, filename: str, said: Mapping[str, Any]) -> Manifest:
    """Return it; raises OpError for a file that is not one Team, and click's errors for options."""
    found: Manifest = _from_file(filename) if filename else {"metadata": {}, "spec": {}}
    head: Manifest = {"apiVersion": TEAMS.api_version, "kind": TEAMS.kind}
    metadata: Manifest = {**(found.get("metadata") or {}), **({"name": name} if name else {})}
    if not metadata.get("name"):
        raise click.UsageError("name the team, or give a manifest that does: -f")
    spec: Manifest = {**(found.get("spec") or {})}
    if said["members"]:
        spec["members"] = [*spec.get("members", ()), *map(_member, said["members"])]
    if said["environments"]:
        spec["environments"] = [*spec.get("environments", ()), *map(_environment, said["environments"])]
    _with_quotas(spec, said["quota"])
    if said["parent"]:
        spec["parent"] = said["parent"]
    return {**head, "metadata": metadata, "spec": spec}


def _from_file(path: str) -> Manifest:
    documents = [each for each in read([path]) if each.get("kind") == TEAMS.kind]
    if len(documents) != 1:
        raise OpError("team.create", ErrorKind.INVALID, path, f"one Team is expected, {len(documents)} are there")
    return documents[0]


def _member(text: str) -> Manifest:
    who, equals, role = text.rpartition("=")
    who, role = (who, role) if equals else (text, "editor")
    prefix, colon, rest = who.partition(":")
    kind, name = (_KINDS[prefix], rest) if colon and prefix in _KINDS else ("User", who)
    if role not in ROLES or not name:
        said = f"{text}: name=role is expected, the role one of {', '.join(ROLES)}"
        raise click.BadParameter(said, param_hint="--members")
    if kind != "ServiceAccount":
        return {"kind": kind, "name": name, "role": role}
    namespace, _, account = name.partition("/")
    return {"kind": kind, "name": account, "namespace": namespace, "role": role}


def _environment(text: str) -> Manifest:
    name, _, listed = text.partition("=")
    namespaces = [each for each in listed.split(",") if each]
    return {"name": name} | ({"namespaces": namespaces} if namespaces else {})


def _with_quotas(spec: Manifest, quotas: Iterable[str]) -> None:
    for text in quotas:
        place, _, amount = text.rpartition("=")
        name, _, resource = place.partition(":")
        found = _bounded(spec.get("environments", ()), name)
        if found is None or not resource:
            said = f"{text}: ENVIRONMENT:RESOURCE=AMOUNT is expected, of an environment that is there or of a namespace"
            raise click.BadParameter(said, param_hint="--quota")
        found["quota"] = {**found.get("quota", {}), resource: amount}


def _bounded(environments: Iterable[Manifest], name: str) -> Manifest | None:
    """Return what bears the quota of an environment, or of a namespace that one names."""
    for each in environments:
        if each.get("name") == name:
            return each
    for each in environments:
        if name in each.get("namespaces", ()):
            own: list[Manifest] = each.setdefault("namespaceQuotas", [])
            known = next((one for one in own if one.get("namespace") == name), None)
            if known is None:
                own.append(known := {"namespace": name})
            return known
    return None
