"""What a create and an update do to the store, whatever endpoint they come by.

The verbs decode requests and choose the change; here it is admitted, checked, given its metadata and written. Each
object passes through a fixed order of steps, the API server's: metadata, field managers, admission, validation, store.
Everything is synchronous: between reading an object and writing it nothing else runs, so no write is ever lost.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from kubewright.api.meta import Manifest, ObjectKey, rfc3339
from kubewright.clock import Clock
from kubewright.store.versioned import Bucket, Record, VersionedStore
from kubewright.twin import status, strategy
from kubewright.twin.access import escalation
from kubewright.twin.access.authorizer import Authorizer
from kubewright.twin.access.policy import GROUP as RBAC
from kubewright.twin.access.users import ADMIN, User
from kubewright.twin.allocation import ServiceAddresses
from kubewright.twin.conversion import bucket_of, in_version, stored_form
from kubewright.twin.crds import is_terminating
from kubewright.twin.fieldmanagers import Author, same_but_for_times, track
from kubewright.twin.kinds import KindInfo, KindTable
from kubewright.twin.media import private_copy
from kubewright.twin.options import WriteOptions, stored_version
from kubewright.twin.preparation import prepare
from kubewright.twin.reading import as_dict, as_list
from kubewright.twin.rules import validate
from kubewright.twin.validation.advice import advice
from kubewright.twin.validation.fields import invalid as invalid_field
from kubewright.twin.webhooks.hooks import Hooks
from kubewright.twin.webhooks.questions import Memory

_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5
_SUFFIX_BITS = 64
"""So many that all suffixes are as likely as makes no difference."""
_LONGEST_GENERATED = 63
_UID_DRAWN = ~((0xC000 << 48) | (0xF000 << 64)) & (2**128 - 1)
_UID_VERSION_4 = (0x8000 << 48) | (4 << 76)
"""RFC 9562: all of a uid's bits are drawn but those that say so. `uuid.UUID` makes the same in thrice the time."""
_NAME_ATTEMPTS = 8
_OWN_RULES = frozenset({"binding", "eviction"})
"""Endpoints whose own code makes a change that an update may not make."""
_STORED_UNDER = {
    "endpoints": "services/endpoints",
    "ingresses": "ingress",
    "nodes": "minions",
    "replicationcontrollers": "controllers",
    "services": "services/specs",
}
"""Where kinds are stored whose key in the store is not their plural: messages show it."""
_SYSTEM_FIELDS = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")


class Target(msgspec.Struct, frozen=True):
    """What a write is about: a kind in one version, an object's key, and the endpoint's subresource."""

    kind: KindInfo
    namespace: str
    name: str
    subresource: str = ""

    def named(self, name: str) -> Target:
        """Return the same for an object whose name is known by now."""
        return Target(self.kind, self.namespace, name, self.subresource)

    @property
    def key(self) -> ObjectKey:
        """Return the object's key in its bucket."""
        return ObjectKey(self.namespace, self.name)

    @property
    def bucket(self) -> Bucket:
        """Return where the kind is stored."""
        return bucket_of(self.kind)


class Admission(Protocol):
    """The admission plugins; both raise StatusError to refuse an object."""

    def complete(
        self, registry: Registry, target: Target, obj: Manifest, old: Manifest | None, options: WriteOptions
    ) -> None:
        """Complete a new object, or one about to replace `old`, in place."""
        ...

    def settle(self, registry: Registry, target: Target, obj: Manifest, old: Manifest | None) -> None:
        """Add, in place, what no plugin sees any more: addresses, labels and status of the server's own."""
        ...

    def check(
        self, registry: Registry, target: Target, obj: Manifest, old: Manifest | None, options: WriteOptions
    ) -> Callable[[], None] | None:
        """Check a complete and valid object; returns what is to be written beside it."""
        ...


@dataclass(slots=True)
class Registry:
    """The store with the API server's rules around it."""

    clock: Clock
    kinds: KindTable
    store: VersionedStore
    random: random.Random
    admission: Admission
    addresses: ServiceAddresses
    authorizer: Authorizer
    hooks: Hooks = field(default_factory=Hooks)
    memory: Memory | None = None
    """What the request at hand drew and learned in earlier runs; None when there are no webhooks to ask."""
    user: User = ADMIN
    """Who makes the request at hand; the server sets it for each request."""
    warnings: list[str] = field(default_factory=list[str])
    """What the request at hand is warned of; the server empties it for each request."""
    accounts_needed: bool = False
    """Whether a pod is refused as long as its namespace has no `default` account: once a controller makes them."""

    def stamp(self) -> str:
        """Return the present time as metadata has it."""
        return rfc3339(self.clock.now() if self.memory is None else self.memory.began)

    def new_uid(self) -> str:
        """Return a uid from the seeded generator, so that two runs are alike."""
        digits = f"{self.random.getrandbits(128) & _UID_DRAWN | _UID_VERSION_4:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def find(self, target: Target) -> Record | None:
        """Return the stored object."""
        return self.store.get(target.bucket, target.key)

    def read(self, target: Target) -> Record:
        """Return the stored object; raises 404."""
        record = self.store.get(target.bucket, target.key)
        if record is None:
            raise status.not_found(target.kind, target.name)
        return record

    def create(
        self, target: Target, obj: Manifest, options: WriteOptions, *, tracked: bool = False, posted: bool = False
    ) -> Record:
        """Store a new object; `obj` is the caller's own, changed in place. `tracked`: it has its managed fields.

        What is `posted` has its name in the object alone, not in the request.
        """
        kind = target.kind
        self._check_namespace(target, obj)
        if kind.custom and is_terminating(self.store, kind):
            text = "create not allowed while custom resource definition is terminating"
            raise status.forbidden(kind, obj["metadata"].get("name", ""), text)
        _wipe(obj["metadata"])
        strategy.drop_status(kind, obj)
        if not tracked:
            obj = track(None, obj, kind, Author(options.field_manager, self.stamp()))
        self.admission.complete(self, target, obj, None, options)
        metadata = self._new_metadata(target, obj)
        target = target.named(metadata["name"])
        self.admission.settle(self, target, obj, None)
        strategy.initial_status(kind, obj)
        prepare(kind, obj, None)
        self._validate(target, obj, None, requested="" if posted else target.name)
        self.warnings += advice(kind, obj, None)
        beside = self.admission.check(self, target, obj, None, options)
        if not options.dry_run:
            _drop_version(obj["metadata"])
        self._check_free(target)
        stored = stored_form(kind, obj, self.kinds)
        if options.dry_run:
            return Record(target.key, stored, 0)
        if beside is not None:
            beside()
        return self.store.create(target.bucket, target.key, stored)

    def store_as(self, target: Target, encoded_at: Callable[[int], bytes]) -> Record:
        """Store a new object that is known to be complete and valid, given as its JSON at a revision; raises 409."""
        self._check_free(target)
        return self.store.create_encoded(target.bucket, target.key, encoded_at)

    def _check_free(self, target: Target) -> None:
        present = self.find(target)
        if present is not None:
            gone = "deletionTimestamp" in present.obj["metadata"]
            raise status.already_exists(target.kind, target.name, being_deleted=gone)

    def update(
        self,
        target: Target,
        change: Callable[[Manifest], Manifest],
        options: WriteOptions,
        *,
        tracked: bool = False,
    ) -> Record:
        """Replace an object by what `change` makes of it: a new document, the caller's own. A no-op writes nothing."""
        kind, record = target.kind, self.read(target)
        old = in_version(kind, record.obj)
        obj = change(old)
        # Webhooks are asked even when nothing changes.
        asked = options.asks and not self.hooks.none
        if obj is old and not asked:
            return record
        obj = private_copy(old) if obj is old else obj
        self._check_lock(target, obj, old)
        own_rules = target.subresource in _OWN_RULES
        if not own_rules:
            strategy.reset_fields(kind, obj, old, target.subresource)
        self._keep_metadata(target, obj, old)
        if not tracked:
            # The API server notes no time for what came by the scale endpoint.
            now = "" if target.subresource == "scale" else self.stamp()
            obj = track(old, obj, kind, Author(options.field_manager, now, target.subresource))
        if obj is old and not asked:
            return record
        obj = private_copy(old) if obj is old else obj
        self.admission.complete(self, target, obj, old, options)
        self.admission.settle(self, target, obj, old)
        if not own_rules and target.subresource != "status":
            strategy.raise_generation(kind, obj, old)
            prepare(kind, obj, old)
        if not own_rules:
            self._validate(target, obj, old, requested=target.name)
            self.warnings += advice(kind, obj, old)
        beside = self.admission.check(self, target, obj, old, options)
        if same_but_for_times(obj, old):
            return record
        if options.dry_run:
            return Record(target.key, stored_form(kind, obj, self.kinds), 0)
        if emptied(kind, obj, old):
            return self._delete_emptied(target, record, stored_form(kind, obj, self.kinds))
        return self._replace(target, obj, beside)

    def _replace(self, target: Target, obj: Manifest, beside: Callable[[], None] | None) -> Record:
        if beside is not None:
            beside()
        return self.store.update(target.bucket, target.key, stored_form(target.kind, obj, self.kinds))

    def _delete_emptied(self, target: Target, record: Record, stored: Manifest) -> Record:
        """The last finalizer of a deleted object went with this update: it goes too, and the caller sees its update."""
        self.store.delete(target.bucket, target.key, expected_revision=record.revision)
        return Record(target.key, stored, record.revision)

    def _validate(self, target: Target, obj: Manifest, old: Manifest | None, *, requested: str) -> None:
        if target.kind.group == RBAC:
            escalation.check(self.authorizer, escalation.Author(self.user, requested), target.kind, obj, old)
        errors = validate(target.kind, obj, old, target.subresource, self.warnings)
        if errors:
            raise status.invalid(target.kind.group, target.kind.kind, obj["metadata"].get("name", ""), errors)

    def _check_namespace(self, target: Target, obj: Manifest) -> None:
        """Refuse what would be created in a namespace that is not there or on its way out."""
        if not target.kind.namespaced:
            return
        key = ObjectKey("", target.namespace)
        namespace = self.store.get(("", "namespaces"), key)
        if namespace is None:
            raise status.StatusError(
                404,
                "NotFound",
                f'namespaces "{target.namespace}" not found',
                {"name": target.namespace, "kind": "namespaces"},
            )
        if "deletionTimestamp" in namespace.obj["metadata"]:
            metadata = obj["metadata"]
            raise terminating(target, metadata.get("name") or metadata.get("generateName") or "Unknown")

    def _new_metadata(self, target: Target, obj: Manifest) -> Manifest:
        metadata = obj["metadata"]
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = self.free_name(target, metadata["generateName"])
        metadata.setdefault("name", "")
        metadata["uid"] = self.new_uid()
        metadata["creationTimestamp"] = self.stamp()
        if target.kind.has_generation:
            metadata["generation"] = 1
        return metadata

    def free_name(self, target: Target, prefix: str) -> str:
        """Put a random suffix to a generateName; a taken name is drawn again, as the API server does."""
        name = ""
        for _ in range(_NAME_ATTEMPTS):
            name = self.suffixed(prefix)
            if self.store.get(target.bucket, ObjectKey(target.namespace, name)) is None:
                break
        return name

    def suffixed(self, prefix: str) -> str:
        """Put a random suffix to a name, which together stay as long as a name may be."""
        drawn, suffix = self.random.getrandbits(_SUFFIX_BITS), ""
        for _ in range(_SUFFIX_LENGTH):
            drawn, letter = divmod(drawn, len(_SUFFIX_ALPHABET))
            suffix += _SUFFIX_ALPHABET[letter]
        return prefix[: _LONGEST_GENERATED - _SUFFIX_LENGTH] + suffix

    def _check_lock(self, target: Target, obj: Manifest, old: Manifest) -> None:
        """Refuse a change made to another version of the object."""
        metadata, old_metadata = obj["metadata"], old["metadata"]
        version = metadata.get("resourceVersion")
        if version and version != "0":
            if version != old_metadata["resourceVersion"]:
                stored_version(version)
                raise status.stale(target.kind, target.name)
        elif strategy.allows_unconditional_update(target.kind):
            metadata["resourceVersion"] = old_metadata["resourceVersion"]
        else:
            error = invalid_field("metadata.resourceVersion", 0, "must be specified for an update")
            raise status.invalid(target.kind.group, target.kind.plural, target.name, [error])

    def _keep_metadata(self, target: Target, obj: Manifest, old: Manifest) -> None:
        """Put back what an update cannot change; what it says anew of uid and deletion is refused by validation."""
        metadata, old_metadata = obj["metadata"], old["metadata"]
        if not metadata.get("uid"):
            metadata["uid"] = old_metadata["uid"]
        for name in ("creationTimestamp", "generation", "selfLink"):
            strategy.carry(metadata, old_metadata, name)
        if "deletionTimestamp" in old_metadata:
            metadata["deletionTimestamp"] = old_metadata["deletionTimestamp"]
        if "deletionGracePeriodSeconds" in old_metadata:
            metadata.setdefault("deletionGracePeriodSeconds", old_metadata["deletionGracePeriodSeconds"])
        if "managedFields" in old_metadata:
            metadata.setdefault("managedFields", old_metadata["managedFields"])
        if target.namespace:
            metadata["namespace"] = target.namespace


def _wipe(metadata: Manifest) -> None:
    """Drop what only the server may say of a new object."""
    for name in _SYSTEM_FIELDS:
        metadata.pop(name, None)


def _drop_version(metadata: Manifest) -> None:
    """Refuse a new object that names a version; what is no number at all is passed over, as the storage does."""
    version = metadata.pop("resourceVersion", "")
    if version.isascii() and version.isdigit() and int(version):
        raise status.StatusError(500, "", "resourceVersion should not be set on objects to be created")


def terminating(target: Target, name: str) -> status.StatusError:
    """Refuse content for a namespace that is being deleted."""
    namespace = target.namespace
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    text = f"unable to create new content in namespace {namespace} because it is being terminated"
    return status.forbidden(target.kind, name, text, causes=[cause])


def uid_mismatch(target: Target, wanted: str, found: str) -> status.StatusError:
    """Refuse a write meant for an object that is no longer this one."""
    kind = target.kind
    prefix = f"{kind.group}/{kind.plural}" if kind.custom else _STORED_UNDER.get(kind.plural, kind.plural)
    text = (
        f"StorageError: invalid object, Code: 4, Key: /registry/{prefix}/{target.key}, ResourceVersion: 0, "
        f"AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}"
    )
    return status.conflict(kind, target.name, text)


def emptied(kind: KindInfo, obj: Manifest, old: Manifest) -> bool:
    """Tell whether nothing holds a deleted object any more (`ShouldDeleteDuringUpdate`)."""
    old_metadata = old["metadata"]
    if "deletionTimestamp" not in old_metadata or obj["metadata"].get("finalizers"):
        return False
    if kind.kind == "Namespace" and as_list(as_dict(obj.get("spec")).get("finalizers")):
        return False
    return not old_metadata.get("deletionGracePeriodSeconds")
