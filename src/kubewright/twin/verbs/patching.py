"""patch: JSON patch, merge patch, strategic merge patch and server-side apply, by the body's content type."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from kubewright.api.meta import Manifest
from kubewright.client.transport import Response
from kubewright.store.patch.json_patch import apply_json_patch
from kubewright.store.patch.merge_patch import apply_merge_patch
from kubewright.store.patch.printing import go_text
from kubewright.store.patch.strategic import apply_strategic_patch
from kubewright.twin import status
from kubewright.twin.answers import one
from kubewright.twin.call import Call
from kubewright.twin.fieldmanagers import Author, refused_patches
from kubewright.twin.fieldmanagers import apply as server_side_apply
from kubewright.twin.jsonerrors import json_error
from kubewright.twin.media import encode, parse_yaml, private_copy
from kubewright.twin.options import WriteOptions, write_options
from kubewright.twin.reading import as_dict
from kubewright.twin.rules import check_identity, complete, problems_in
from kubewright.twin.strategy import applied_part
from kubewright.twin.validation.decoding import refused_as, strict_error
from kubewright.twin.validation.fields import invalid as invalid_field
from kubewright.twin.validation.fields import required
from kubewright.twin.verbs.writing import check_name, check_namespace

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
_CREATED = 201
_MISMATCH = re.compile(r"cannot unmarshal (\w+).* of type (\S+)$")
_CONVERTED = {"number": "int64", "array": "[]interface {}", "object": "map[string]interface {}"}
_GO_KINDS = {"number": "int64", "array": "slice", "object": "map"}
_MAX_JSON_PATCH_OPERATIONS = 10_000


def patch(call: Call) -> Response:
    """Change single fields of an object, or apply a configuration."""
    media = call.content_type
    accepted = accepted_patches(call)
    if media not in accepted:
        raise status.unsupported_media_type(accepted) if call.kind.custom else status.unsupported_patch_type()
    options = write_options(call.query, call.headers, kind="PatchOptions")
    if media == APPLY_PATCH:
        return _apply(call, options)
    if options.force:
        raise _forbidden_force()
    view = call.view()
    record = call.registry.update(call.target, lambda old: patched(call, old, options), options)
    return one(call.kind, record, view, call.now())


def accepted_patches(call: Call) -> tuple[str, ...]:
    """Return the patch types that the kind takes: custom ones have no strategy to merge by."""
    strategic = () if call.kind.custom else (STRATEGIC_PATCH,)
    return (JSON_PATCH, MERGE_PATCH, *strategic, APPLY_PATCH)


def _forbidden_force() -> status.StatusError:
    message = "Forbidden: may not be specified for non-apply patch"
    error = status.FieldError("force", "FieldValueForbidden", message)
    return status.invalid("meta.k8s.io", "PatchOptions", "", [error])


def patched(call: Call, old: Manifest, options: WriteOptions) -> Manifest:
    """Return what a patch makes of an object, complete and the caller's own."""
    body = read_patch(call)
    document = apply_patch(call, old, body)
    obj = private_copy(document)
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
    return obj


def _changed_parts(obj: Manifest, document: Manifest, old: Manifest) -> Manifest:
    """Return the parts of `obj`, a copy of `document`, that a patch touched: what it shares with `old` was checked."""
    return {name: obj[name] for name, part in document.items() if part is not old.get(name)}


def read_patch(call: Call) -> Any:
    """Read a patch's body: a list of operations for a JSON patch, else an object. Raises 400."""
    try:
        body = msgspec.json.decode(call.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if call.content_type == MERGE_PATCH:
            raise status.bad_request("invalid JSON patch") from error
        raise status.bad_request(f"error decoding patch: {json_error(call.body) or error}") from error
    of_operations = call.content_type == JSON_PATCH
    if isinstance(body, list) is of_operations and isinstance(body, list | dict):
        return body  # pyright: ignore[reportUnknownVariableType]  JSON
    found = "object" if isinstance(body, dict) else "array"
    wanted = "[]handlers.jsonPatchOp" if of_operations else "map[string]interface {}"
    raise status.bad_request(f"error decoding patch: json: cannot unmarshal {found} into Go value of type {wanted}")


def apply_patch(call: Call, old: Manifest, body: Any) -> Manifest:
    """Return the patched document, which may share parts with `old`; raises 400 and 422."""
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
        shown = encode(dict(sorted(obj.items()))).decode()
    return status.invalid("", "", "", [invalid_field("patch", shown, problem)])


def _converted(problem: str) -> str:
    """Word a type that does not fit as the strategic merge does, which converts maps and never decodes JSON."""
    match = _MISMATCH.search(problem)
    if match is None:
        return problem
    found, wanted = match.groups()
    if wanted == "string":
        return f"cannot convert {_CONVERTED.get(found, found)} to string"
    kind = _GO_KINDS.get(found, found)
    if wanted.startswith("map["):
        return f"cannot restore map from {kind}"
    if wanted.startswith("[]"):
        return f"cannot restore slice from {kind}"
    return f"cannot restore struct from: {kind}" if "." in wanted else f"unrecognized type: {wanted}"


def _apply(call: Call, options: WriteOptions) -> Response:
    if not call.query.get("fieldManager"):
        error = required("fieldManager", "is required for apply patch")
        raise status.invalid("meta.k8s.io", "PatchOptions", "", [error])
    view = call.view()
    applied = _configuration(call)
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


def _configuration(call: Call) -> Manifest:
    """Read what is applied; it names itself, and no manager but the request's."""
    applied = parse_yaml(call.body)
    if not isinstance(applied, dict):
        raise status.bad_request("error decoding patch: the body is not an object")
    applied = as_dict(applied)
    api_version, kind = applied.get("apiVersion") or "", applied.get("kind") or ""
    if (api_version, kind) != (call.kind.api_version, call.kind.kind):
        shown = api_version if "/" in api_version else f"/{api_version}"
        raise status.bad_request(f"invalid object type: {shown}, Kind={kind}")
    applied["metadata"] = metadata = as_dict(applied.get("metadata"))
    if metadata.get("managedFields"):
        raise status.bad_request("metadata.managedFields must be nil")
    metadata.setdefault("name", call.name)
    check_name(call, applied)
    return applied


def _create(call: Call, applied: Manifest, options: WriteOptions) -> Response:
    metadata = applied["metadata"]
    if metadata.get("uid"):
        cause = f"uid mismatch: the provided object specified uid {metadata['uid']}, and no existing object was found"
        raise status.conflict(call.kind, call.name, cause)
    metadata.pop("resourceVersion", None)
    part = applied_part(call.kind, applied, "")
    author = Author(options.field_manager, call.registry.stamp())
    merged = server_side_apply(None, part, call.kind, author, force=options.force)
    obj = _completed(call, merged, {}, options)
    call.confirm_create()
    record = call.registry.create(call.target, obj, options, tracked=True)
    return one(call.kind, record, call.view(), call.now(), _CREATED)


def _completed(call: Call, merged: Manifest, old: Manifest, options: WriteOptions) -> Manifest:
    obj = private_copy(merged)
    check_namespace(call, obj)
    changed = _changed_parts(obj, merged, old)
    problem, unknown = problems_in(call.kind, changed)
    if problem:
        raise status.bad_request(refused_as(call.kind, problem))
    if unknown and options.field_validation == "Strict":
        raise status.bad_request(f"error strict decoding patch: {', '.join(unknown)}")
    if options.field_validation == "Warn":
        call.registry.warnings.extend(unknown)
    complete(call.kind, obj, pruning=bool(unknown), settled=obj.keys() - changed.keys())
    return obj
