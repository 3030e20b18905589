"""patch: JSON patch, merge patch, strategic merge patch and server-side apply, by the body's content type."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from kubewright.api.meta import Manifest
from kubewright.client.transport import Response
from kubewright.store.patch.errors import json_kind
from kubewright.store.patch.json_patch import apply_json_patch
from kubewright.store.patch.merge_patch import apply_merge_patch
from kubewright.store.patch.printing import go_text
from kubewright.store.patch.strategic import apply_strategic_patch
from kubewright.twin import status
from kubewright.twin.answers import one
from kubewright.twin.call import Call
from kubewright.twin.fieldmanagers import Author, refused_patches
from kubewright.twin.fieldmanagers import apply as server_side_apply
from kubewright.twin.kinds import KindInfo
from kubewright.twin.media import encode, parse_yaml, private_copy
from kubewright.twin.options import WriteOptions, write_options
from kubewright.twin.ownerrefs import deduplicate
from kubewright.twin.reading import as_dict, as_list
from kubewright.twin.rules import check_identity, complete, problems_in
from kubewright.twin.strategy import applied_part, shares_untouched_parts
from kubewright.twin.validation.decoding import refused_as, strict_error
from kubewright.twin.validation.fields import invalid as invalid_field
from kubewright.twin.verbs.writing import check_name, check_namespace, forget_version

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
_CREATED = 201
_MISMATCH = re.compile(r"cannot unmarshal (\w+).* of type (\S+)$")
_GO_KINDS = {"number": "int64", "array": "slice", "object": "map"}
_MAX_JSON_PATCH_OPERATIONS = 10_000


def patch(call: Call) -> Response:
    """Change single fields of an object, or apply a configuration."""
    applying = checked_type(call) == APPLY_PATCH
    options = write_options(call.query, call.headers, kind="PatchOptions", applying=applying)
    body = read_patch(call)
    if applying:
        return _apply(call, body, options)
    view = call.view()
    record = call.registry.update(call.target, lambda old: patched(call, old, body, options), options)
    return one(call.kind, record, view, call.now())


def checked_type(call: Call) -> str:
    """Return the patch's type, if the kind takes it: custom ones have no strategy to merge by. Raises 415."""
    strategic = () if call.kind.custom else (STRATEGIC_PATCH,)
    accepted = (JSON_PATCH, MERGE_PATCH, *strategic, APPLY_PATCH)
    if call.content_type in accepted:
        return call.content_type
    raise status.unsupported_media_type(accepted) if call.kind.custom else status.unsupported_patch_type()


def patched(call: Call, old: Manifest, body: Any, options: WriteOptions) -> Manifest:
    """Return what a patch makes of an object, complete and the caller's own."""
    document = apply_patch(call, old, body)
    obj = _own(call.kind, document, old)
    changed = _changed_parts(obj, document, old)
    problem, unknown = problems_in(call.kind, changed)
    if problem:
        raise _refused(call, body, obj, problem)
    if unknown and options.field_validation == "Strict":
        raise _refused(call, body, obj, strict_error(unknown))
    if options.field_validation == "Warn":
        call.registry.warnings.extend(unknown)
    complete(call.kind, obj, pruning=bool(unknown), settled=obj.keys() - changed.keys())
    check_identity(call.kind, obj, call.registry.kinds)
    check_namespace(call, obj)
    check_name(call, obj)
    call.registry.warnings += deduplicate(obj, patched=True)
    return obj


def _own(kind: KindInfo, document: Manifest, old: Manifest) -> Manifest:
    """Return a copy of a patched document that may be changed in place, sharing what nothing is going to change."""
    if not shares_untouched_parts(kind):
        return private_copy(document)
    kept = {name: part for name, part in document.items() if part is old.get(name) and name != "metadata"}
    copied = private_copy({name: part for name, part in document.items() if name not in kept})
    return {name: kept[name] if name in kept else copied[name] for name in document}


def _changed_parts(obj: Manifest, document: Manifest, old: Manifest) -> Manifest:
    """Return the parts of `obj`, a copy of `document`, that a patch touched: what it shares with `old` was checked."""
    return {name: obj[name] for name, part in document.items() if part is not old.get(name)}


def read_patch(call: Call) -> Any:
    """Read a patch's body as JSON, or what is applied as YAML; raises 400."""
    if call.content_type == APPLY_PATCH:
        return parse_yaml(call.body)
    try:
        return msgspec.json.decode(call.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise status.bad_request("invalid JSON patch") from error


def _checked_shape(call: Call, body: Any) -> Any:
    """Return a body that is a list of operations for a JSON patch and else an object; raises 400."""
    media = call.content_type
    of_operations = media == JSON_PATCH
    if body is None:
        if media == MERGE_PATCH:
            raise status.bad_request("Invalid JSON Patch")
        return [] if of_operations else {}
    if isinstance(body, list) and of_operations:
        _check_paths(as_list(body))
        return as_list(body)
    if isinstance(body, dict) and not of_operations:
        return as_dict(body)
    wanted = "[]handlers.jsonPatchOp" if of_operations else "map[string]interface {}"
    problem = f"json: cannot unmarshal {json_kind(body)} into Go value of type {wanted}"
    raise status.bad_request(f"{_DECODING.get(media, 'error decoding patch: ')}{problem}")


_DECODING = {
    STRATEGIC_PATCH: "",
    APPLY_PATCH: "error decoding patch: error unmarshaling JSON: while decoding JSON: ",
}


def _check_paths(operations: list[Any]) -> None:
    for operation in operations:
        for name in ("op", "path", "from"):
            value = as_dict(operation).get(name)
            if value is not None and not isinstance(value, str):
                problem = f"cannot unmarshal {json_kind(value)} into Go struct field jsonPatchOp.{name} of type string"
                raise status.bad_request(f"error decoding patch: json: {problem}")


def apply_patch(call: Call, old: Manifest, body: Any) -> Manifest:
    """Return the patched document, which may share parts with `old`; raises 400 and 422."""
    body = _checked_shape(call, body)
    with refused_patches():
        if call.content_type == JSON_PATCH:
            if len(body) > _MAX_JSON_PATCH_OPERATIONS:
                limit = (
                    f"The allowed maximum operations in a JSON patch is {_MAX_JSON_PATCH_OPERATIONS}, got {len(body)}"
                )
                raise status.StatusError(413, "RequestEntityTooLarge", f"Request entity too large: {limit}")
            return apply_json_patch(old, body)
        if call.content_type == MERGE_PATCH:
            return apply_merge_patch(old, body)
        return apply_strategic_patch(old, body, call.kind.schema)


def _refused(call: Call, body: Any, obj: Manifest, problem: str) -> status.StatusError:
    """Refuse a patch whose outcome does not decode; a strategic one is shown itself, of the others the outcome."""
    if call.content_type == STRATEGIC_PATCH:
        shown, problem = go_text(body), _converted(problem)
    else:
        shown = encode({name: _in_order(name, part) for name, part in sorted(obj.items())}).decode()
    return status.invalid("", "", "", [invalid_field("patch", shown, problem)])


def _in_order(name: str, part: Any) -> Any:
    """Put metadata into the order in which Go writes it."""
    if name != "metadata" or not isinstance(part, dict):
        return part
    return dict(sorted(as_dict(part).items(), key=lambda entry: _ORDER.get(entry[0], len(_ORDER))))


_ORDER = {
    name: position
    for position, name in enumerate(
        (
            "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation",
            "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations",
            "ownerReferences", "finalizers", "managedFields",
        )
    )
}  # fmt: skip


def _converted(problem: str) -> str:
    """Word a type that does not fit as the strategic merge does, which converts maps and never decodes JSON."""
    match = _MISMATCH.search(problem)
    if match is None:
        return problem
    found, wanted = match.groups()
    kind = _GO_KINDS.get(found, found)
    if wanted.startswith("map["):
        return f"cannot restore map from {kind}"
    if wanted.startswith("[]"):
        return f"cannot restore slice from {kind}"
    if wanted == "string" and kind == "int64":  # Go makes a character of a number, so it does not stop earlier
        return "cannot convert int64 to string"
    return f"cannot restore struct from: {kind}" if "." in wanted else f"unrecognized type: {wanted}"


def _apply(call: Call, body: Any, options: WriteOptions) -> Response:
    view = call.view()
    applied = configuration(call, body)
    if call.registry.find(call.target) is None:
        if call.subresource:
            raise status.not_found(call.kind, call.name)
        return _create(call, applied, options)

    def change(old: Manifest) -> Manifest:
        part = applied_part(call.kind, applied, call.subresource)
        author = Author(options.field_manager, call.registry.stamp(), call.subresource)
        merged = server_side_apply(old, part, call.kind, author, force=options.force)
        return old if merged is old else _completed(call, merged, old, options)

    record = call.registry.update(call.target, change, options, tracked=True)
    return one(call.kind, record, view, call.now())


def configuration(call: Call, body: Any) -> Manifest:
    """Read what is applied; it names itself, and no manager but the request's."""
    applied = as_dict(_checked_shape(call, body))
    api_version, kind = applied.get("apiVersion") or "", applied.get("kind") or ""
    if (api_version, kind) != (call.kind.api_version, call.kind.kind):
        shown = f"{api_version if '/' in api_version else f'/{api_version}'}, Kind={kind}"
        unreadable = api_version.count("/") > 1
        raise status.bad_request(f"invalid object type: {'/, Kind=' if unreadable else shown}")
    if as_dict(applied.get("metadata")).get("managedFields"):
        raise status.bad_request("metadata.managedFields must be nil")
    return applied


def _create(call: Call, applied: Manifest, options: WriteOptions) -> Response:
    part = applied_part(call.kind, applied, "")
    author = Author(options.field_manager, call.registry.stamp())
    merged = server_side_apply(None, part, call.kind, author, force=options.force)
    uid = merged["metadata"].get("uid")
    if uid:
        cause = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise status.conflict(call.kind, call.name, cause)
    obj = _completed(call, merged, {}, options)
    forget_version(obj)
    call.confirm_create()
    record = call.registry.create(call.target, obj, options, tracked=True)
    return one(call.kind, record, call.view(), call.now(), _CREATED)


def _completed(call: Call, merged: Manifest, old: Manifest, options: WriteOptions) -> Manifest:
    obj = private_copy(merged)
    check_namespace(call, obj)
    check_name(call, obj)
    changed = _changed_parts(obj, merged, old)
    problem, unknown = problems_in(call.kind, changed)
    if problem:
        raise status.bad_request(refused_as(call.kind, problem))
    if unknown and options.field_validation == "Strict":
        raise status.bad_request(f"error strict decoding patch: {', '.join(unknown)}")
    if options.field_validation == "Warn":
        call.registry.warnings.extend(unknown)
    complete(call.kind, obj, pruning=bool(unknown), settled=obj.keys() - changed.keys(), nulls=True)
    call.registry.warnings += deduplicate(obj, patched=True)
    return obj
