"""create, update, delete and deletecollection; `patching.py` has the patches."""

from __future__ import annotations

from collections.abc import Sequence

from kubewright.api.meta import Manifest
from kubewright.client.transport import Response
from kubewright.store.versioned import Record
from kubewright.twin import status
from kubewright.twin.answers import Page, document, many, one
from kubewright.twin.call import Call
from kubewright.twin.deletion import consult
from kubewright.twin.deletion import delete as delete_object
from kubewright.twin.listing import page
from kubewright.twin.media import READABLE
from kubewright.twin.moulds import PODS
from kubewright.twin.options import (
    DeleteOptions,
    WriteOptions,
    delete_options,
    list_options,
    stored_version,
    write_options,
)
from kubewright.twin.ownerrefs import deduplicate
from kubewright.twin.registry import Target, uid_mismatch
from kubewright.twin.rules import SCHEME, accept_body
from kubewright.twin.selection import select
from kubewright.twin.strategy import allows_create_on_update, orphans_by_default, returns_deleted
from kubewright.twin.validation.decoding import type_error
from kubewright.twin.webhooks.questions import Question, Unanswered

_CREATED = 201
_PODS_STAY = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)
_DELETE_OPTIONS = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"
_ACCEPTED = 202


def create(call: Call) -> Response:
    """Create an object."""
    options = write_options(call.query, call.headers, kind="CreateOptions")
    view = call.view()
    if call.target.bucket == PODS:
        record = call.services.moulds.pod(call, options, lambda: _create(call, options))
    else:
        record = _create(call, options)
    return one(call.kind, record, view, call.now(), _CREATED)


def _create(call: Call, options: WriteOptions) -> Record:
    obj = accepted(call, options.field_validation)
    return call.registry.create(call.target.named(obj["metadata"].get("name", "")), obj, options, posted=True)


def update(call: Call) -> Response:
    """Replace an object, or its status."""
    options = write_options(call.query, call.headers, kind="UpdateOptions")
    view = call.view()
    obj = accepted(call, options.field_validation)
    check_name(call, obj)
    if call.registry.find(call.target) is None:
        if not allows_create_on_update(call.kind) or call.subresource:
            raise status.not_found(call.kind, call.name)
        check_uid(call, obj["metadata"].get("uid", ""))
        forget_version(obj)
        call.confirm_create()
        return one(call.kind, call.registry.create(call.target, obj, options), view, call.now(), _CREATED)
    check_uid(call, obj["metadata"].get("uid", ""))
    record = call.registry.update(call.target, lambda _: obj, options)
    return one(call.kind, record, view, call.now())


def accepted(call: Call, field_validation: str) -> Manifest:
    """Read the body as an object of the call's kind, in the server's form and in the call's namespace."""
    obj = call.manifest()
    registry = call.registry
    accept_body(call.kind, obj, field_validation, registry.warnings, registry.kinds, body=call.body)
    check_namespace(call, obj)
    registry.warnings += deduplicate(obj)
    return obj


def forget_version(obj: Manifest) -> None:
    """Drop the version of an object that an update or apply is to create; raises StatusError when it is none."""
    stored_version(obj["metadata"].pop("resourceVersion", ""))


def check_namespace(call: Call, obj: Manifest) -> None:
    """Put the object into the request's namespace, or refuse one that says it is elsewhere."""
    metadata = obj["metadata"]
    said = metadata.get("namespace", "")
    if not call.kind.namespaced:
        metadata.pop("namespace", None)
    elif said and said != call.namespace:
        text = "the namespace of the provided object does not match the namespace sent on the request"
        raise status.bad_request(text)
    else:
        metadata["namespace"] = call.namespace


def check_name(call: Call, obj: Manifest) -> None:
    """Refuse an object that is not the one in the URL."""
    name = obj["metadata"].get("name", "")
    if not name:
        text = f"the name of the object ({call.name} based on URL) was undeterminable: name must be provided"
        raise status.bad_request(text)
    if name != call.name:
        text = f"the name of the object ({name}) does not match the name on the URL ({call.name})"
        raise status.bad_request(text)


def check_uid(call: Call, uid: str) -> None:
    """Refuse a write meant for an object that is no longer this one."""
    record = call.registry.find(call.target)
    found = "" if record is None else record.obj["metadata"]["uid"]
    if uid and uid != found:
        raise uid_mismatch(call.target, uid, found)


def delete(call: Call) -> Response:
    """Delete one object."""
    view = call.view()
    options = read_delete_options(call)
    _warn(call, options)
    deleted = delete_object(call.registry, call.target, options)
    code = 200
    if not deleted.gone and options.orphan_dependents is False:
        code = _ACCEPTED
    if deleted.gone and not returns_deleted(call.kind):
        details = {
            "name": call.name,
            "group": call.kind.group,
            "kind": call.kind.plural,
            "uid": deleted.record.obj["metadata"]["uid"],
        }
        return document(status.success({name: value for name, value in details.items() if value}), code)
    return one(call.kind, deleted.record, view, call.now(), code)


def read_delete_options(call: Call) -> DeleteOptions:
    """Read how to delete from the body, or without one from the query."""
    if not call.body:
        return delete_options(call.query, None)
    if call.content_type and call.content_type not in READABLE:
        raise status.unsupported_media_type(READABLE)
    body = call.manifest("")
    version, kind = body.get("apiVersion") or "meta.k8s.io/v1", body.get("kind") or "DeleteOptions"
    if kind != "DeleteOptions":
        text = f'no kind "{kind}" is registered for version "{version}" in scheme "{SCHEME}"'
        raise status.bad_request(text)
    problem = type_error(body, _DELETE_OPTIONS)
    if problem:
        raise status.bad_request(problem)
    return delete_options(call.query, body)


def _warn(call: Call, options: DeleteOptions) -> None:
    """Tell whoever deletes a Job without saying what shall become of its pods that they stay."""
    if orphans_by_default(call.kind) and not options.propagation and options.orphan_dependents is None:
        call.registry.warnings.append(_PODS_STAY)


def delete_collection(call: Call) -> Response:
    """Delete all objects that the selectors choose."""
    view = call.view()
    listing = list_options(call.query)
    selection = select(call.kind, listing)
    options = read_delete_options(call)
    _warn(call, options)
    chosen = page(call.registry, call.target, listing, selection)
    records: list[Record] = []
    _ask_of_all(call, chosen.records, options)
    for record in chosen.records:
        target = Target(call.kind, record.key.namespace, record.key.name)
        if call.registry.find(target) is not None:
            delete_object(call.registry, target, options)
            records.append(record)
    return many(call.kind, Page(records, call.registry.store.revision), view, call.now())


def _ask_of_all(call: Call, records: Sequence[Record], options: DeleteOptions) -> None:
    """Learn what webhooks say of each object before the first one goes: nothing is done twice in a repeated request."""
    if call.registry.hooks.none:
        return
    questions: list[Question] = []
    for record in records:
        try:
            consult(call.registry, Target(call.kind, record.key.namespace, record.key.name), record, options)
        except Unanswered as missing:
            questions += missing.questions
        except status.StatusError:
            continue  # it is refused when its turn comes, after those before it went
    if questions:
        raise Unanswered(questions)
