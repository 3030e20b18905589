"""CustomResourceDefinitions: what they serve, their status, and their end.

`Definitions` follows the stored CRDs. A new one is served at once and says so in its conditions; a deleted one takes
its objects with it and goes when the last of them is gone (`customresourcecleanup` is its finalizer).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.schema import Schema, parse_schema
from kubewright.store.versioned import Bucket, Change, Record, VersionedStore
from kubewright.twin.discovery import version_priority
from kubewright.twin.kinds import Column, KindInfo, KindTable, Subresource
from kubewright.twin.reading import as_dict, as_list, dicts, text
from kubewright.twin.stored_defaults import stored_defaults
from kubewright.twin.validation.schema_rules import Level, compiled_rules

CRDS: Bucket = ("apiextensions.k8s.io", "customresourcedefinitions")
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_DELETION_PENDING = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_SUBRESOURCE_VERBS = ("get", "patch", "update")
_NAME = Column("Name", "string", "name", 0, ".metadata.name")
_AGE = Column("Age", "date", "", 0, ".metadata.creationTimestamp")


def prepare_definition(crd: Manifest, old: Manifest | None) -> None:
    """Set, in place, what a CRD's strategy sets: the stored versions of a new one."""
    if old is None:
        versions = [version.get("name", "") for version in dicts(crd, "spec", "versions") if version.get("storage")]
        crd["status"] = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": versions}


def is_terminating(store: VersionedStore, kind: KindInfo) -> bool:
    """Tell whether a custom kind's definition is being deleted."""
    record = store.get(CRDS, ObjectKey("", f"{kind.plural}.{kind.group}"))
    return record is not None and "deletionTimestamp" in record.obj["metadata"]


def status_of(crd: Manifest, now: str) -> Manifest:
    """Return the status that a CRD shall have: its names are always accepted, and it is served at once."""
    spec, status = as_dict(crd.get("spec")), as_dict(crd.get("status"))
    conditions = {condition["type"]: condition for condition in dicts(status, "conditions")}
    wanted = [
        _condition("NamesAccepted", "NoConflicts", "no conflicts found"),
        _condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ]
    if "deletionTimestamp" in crd["metadata"]:
        wanted.append(_condition("Terminating", "InstanceDeletionPending", _DELETION_PENDING))
    for condition in wanted:
        if conditions.get(condition["type"], {}).get("status") != "True":
            conditions[condition["type"]] = {"lastTransitionTime": now, **condition}
    stored = list(as_list(status.get("storedVersions")))
    for version in dicts(spec, "versions"):
        if version.get("storage") and version.get("name") not in stored:
            stored.append(version.get("name"))
    return {
        "conditions": list(conditions.values()),
        "acceptedNames": {name: value for name, value in as_dict(spec.get("names")).items() if value},
        "storedVersions": stored,
    }


def kinds_of(crd: Manifest, builtin: Callable[[str], Schema]) -> list[KindInfo]:
    """Return what a CRD serves, one kind a served version; `builtin` resolves the schema of metadata."""
    return [_kind(crd, version, builtin) for version in dicts(crd, "spec", "versions") if version.get("served")]


def _kind(crd: Manifest, version: Manifest, builtin: Callable[[str], Schema]) -> KindInfo:
    spec = as_dict(crd.get("spec"))
    names = as_dict(spec.get("names"))
    kind, group, name = text(names, "kind"), text(spec, "group"), text(version, "name")
    resolve = _resolver(version, builtin)
    return KindInfo(
        group=group,
        version=name,
        plural=text(names, "plural"),
        kind=kind,
        namespaced=spec.get("scope") == "Namespaced",
        singular=text(names, "singular") or kind.lower(),
        list_kind=text(names, "listKind") or f"{kind}List",
        short_names=tuple(as_list(names.get("shortNames"))),
        categories=tuple(as_list(names.get("categories"))),
        verbs=_VERBS,
        subresources=_subresources(as_dict(version.get("subresources")), group, name, kind),
        columns=_columns(version),
        definition=f"{group}/{name}/{kind}",
        field_labels=("metadata.name", "metadata.namespace", *_selectable(version)),
        crd=crd,
        served=version,
        resolve=resolve,
        rules=_rules(version),
        defaults=functools.cache(lambda: stored_defaults(resolve(""))),
        storage=bool(version.get("storage")),
        deprecation=_deprecation(spec, version),
    )


def _deprecation(spec: Manifest, version: Manifest) -> str:
    """Word the warning of a deprecated version; unless its author did, it names the best later one."""
    if not version.get("deprecated"):
        return ""
    own, group, kind, name = (
        version.get("deprecationWarning"),
        text(spec, "group"),
        text(spec, "names", "kind"),
        text(version, "name"),
    )
    if own is not None:
        return own
    rank = version_priority(name)
    others = [
        text(each, "name") for each in dicts(spec, "versions") if each.get("served") and not each.get("deprecated")
    ]
    better = [other for other in others if version_priority(other) < rank]
    use = f"; use {group}/{min(better, key=version_priority)} {kind}" if better else ""
    return f"{group}/{name} {kind} is deprecated{use}"


def _subresources(served: Manifest, group: str, version: str, kind: str) -> tuple[Subresource, ...]:
    found: list[Subresource] = []
    if "status" in served:
        found.append(Subresource("status", group, version, kind, _SUBRESOURCE_VERBS))
    if served.get("scale"):
        found.append(Subresource("scale", "autoscaling", "v1", "Scale", _SUBRESOURCE_VERBS))
    return tuple(found)


def _columns(version: Manifest) -> tuple[Column, ...]:
    columns = [
        Column(
            text(column, "name"),
            text(column, "type"),
            text(column, "format"),
            column.get("priority") or 0,
            text(column, "jsonPath"),
            text(column, "description"),
        )
        for column in dicts(version, "additionalPrinterColumns")
    ]
    return (_NAME, *(columns or [_AGE]))


def _selectable(version: Manifest) -> tuple[str, ...]:
    return tuple(text(each, "jsonPath").removeprefix(".") for each in dicts(version, "selectableFields"))


def _resolver(version: Manifest, builtin: Callable[[str], Schema]) -> Callable[[str], Schema]:
    """Return what resolves the version's definition; its schema is parsed once, when first asked for."""
    document = as_dict(as_dict(version.get("schema")).get("openAPIV3Schema"))
    properties = {
        **as_dict(document.get("properties")),
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    }

    @functools.cache
    def schema() -> Schema:
        return parse_schema({**document, "properties": properties}, builtin)

    return lambda _definition: schema()


def _rules(version: Manifest) -> Callable[[], Level | None]:
    document = as_dict(as_dict(version.get("schema")).get("openAPIV3Schema"))
    return functools.cache(lambda: compiled_rules(document).root)


class Definitions:
    """Keeps the kind table and the CRDs' status in step with the stored CRDs."""

    def __init__(
        self, store: VersionedStore, kinds: KindTable, now: Callable[[], str], made: Iterable[KindInfo] = ()
    ) -> None:
        """Serve what is stored; `made` are kinds that another server has made of the same definitions."""
        self._store = store
        self._kinds = kinds
        self._now = now
        self._made = tuple(made)
        self._served: dict[ObjectKey, tuple[str, str]] = {}
        self._unsubscribe: dict[ObjectKey, Callable[[], None]] = {}
        for record in store.list(CRDS)[0]:
            self._serve(record)
        store.subscribe(CRDS, self._changed)

    def _changed(self, change: Change) -> None:
        if change.type == "DELETED":
            self._forget(change.record.key)
        else:
            self._serve(change.record)

    def _serve(self, record: Record) -> None:
        crd = record.obj
        spec, names = as_dict(crd["spec"]), as_dict(crd["spec"].get("names"))
        group, plural = text(spec, "group"), text(names, "plural")
        former = self._served.get(record.key)
        if former is None or crd["metadata"].get("generation") != self._generation(former):
            if former is not None:
                self._kinds.remove(*former)
            for kind in self._made_of(crd) or kinds_of(crd, self._kinds.schema):
                self._kinds.add(kind)
            self._served[record.key] = (group, plural)
        status = status_of(crd, self._now())
        if status != crd.get("status"):
            self._store.update(CRDS, record.key, {**crd, "status": status})
        elif "deletionTimestamp" in crd["metadata"]:
            self._clean_up(record, (group, plural))

    def _made_of(self, crd: Manifest) -> list[KindInfo]:
        """Return the kinds that were made of this very spec: their schemas and rules may be parsed already."""
        spec = _identity_of_spec(crd)
        return [kind for kind in self._made if kind.crd is not None and _identity_of_spec(kind.crd) == spec]

    def _generation(self, served: tuple[str, str]) -> int | None:
        kinds = self._kinds.versions(*served)
        return None if not kinds or kinds[0].crd is None else kinds[0].crd["metadata"].get("generation")

    def _forget(self, key: ObjectKey) -> None:
        served = self._served.pop(key, None)
        if served is not None:
            self._kinds.remove(*served)
        unsubscribe = self._unsubscribe.pop(key, None)
        if unsubscribe is not None:
            unsubscribe()

    def _clean_up(self, record: Record, bucket: Bucket) -> None:
        """Delete the objects of a CRD that is going; those with finalizers are waited for."""
        if CLEANUP not in as_list(record.obj["metadata"].get("finalizers")):
            return
        if record.key not in self._unsubscribe:
            self._unsubscribe[record.key] = self._store.subscribe(bucket, lambda _: self._finish(record.key, bucket))
            for instance in self._store.list(bucket)[0]:
                self._delete(bucket, instance)
        self._finish(record.key, bucket)

    def _delete(self, bucket: Bucket, record: Record) -> None:
        metadata = record.obj["metadata"]
        if not metadata.get("finalizers"):
            self._store.delete(bucket, record.key)
        elif "deletionTimestamp" not in metadata:
            marked = {**metadata, "deletionTimestamp": self._now(), "deletionGracePeriodSeconds": 0}
            if "generation" in metadata:
                marked["generation"] = metadata["generation"] + 1
            self._store.update(bucket, record.key, {**record.obj, "metadata": marked})

    def _finish(self, key: ObjectKey, bucket: Bucket) -> None:
        """Take the cleanup finalizer off when no object is left, and the CRD with it if it was the last."""
        record = self._store.get(CRDS, key)
        if record is None or self._store.list(bucket)[0]:
            return
        metadata = record.obj["metadata"]
        finalizers = [name for name in as_list(metadata.get("finalizers")) if name != CLEANUP]
        if finalizers == as_list(metadata.get("finalizers")):
            return
        if not finalizers:
            self._store.delete(CRDS, key)
        else:
            self._store.update(CRDS, key, {**record.obj, "metadata": {**metadata, "finalizers": finalizers}})


def _identity_of_spec(crd: Manifest) -> tuple[str, int]:
    return crd["metadata"]["uid"], crd["metadata"]["generation"]


def _condition(kind: str, reason: str, message: str) -> Manifest:
    return {"message": message, "reason": reason, "status": "True", "type": kind}
