"""CustomResourceDefinitions: names, versions, and schemas that must be structural."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.api.schema import parse_schema
from kubewright.twin.reading import as_dict, as_list, dicts, dig, text
from kubewright.twin.validation import names
from kubewright.twin.validation.fields import FieldError, Internal, invalid, not_supported, required, shown
from kubewright.twin.validation.metadata import immutable
from kubewright.twin.validation.schema_rules import compiled_rules
from kubewright.twin.validation.selectable import selectable_errors
from kubewright.twin.validation.structural import default_errors
from kubewright.twin.validation.structure import validate_structure

_SCOPES = ("Cluster", "Namespaced")
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_SIMPLE_PATH = re.compile(r"^(\.[\w\-\\./]+|\[[^\]]*\]|\.?\*)+$")


def validate_crd(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a CRD; group, plural, scope and kind never change once it is established."""
    spec = as_dict(obj.get("spec"))
    errors = [] if old is not None else _name(obj, spec)
    errors += _group(text(spec, "group"))
    scope = text(spec, "scope")
    if not scope:
        errors.append(required("spec.scope"))
    elif scope not in _SCOPES:
        errors.append(not_supported("spec.scope", scope, _SCOPES))
    versions = dicts(spec, "versions")
    if not any(version.get("storage") for version in versions):
        errors.append(invalid("status.storedVersions", None, "must have at least one stored version"))
    errors += [
        required(f"spec.versions[{index}].schema.openAPIV3Schema")
        for index, version in enumerate(versions)
        if dig(version, "schema", "openAPIV3Schema") is None
    ]
    errors += _versions(versions)
    errors += selectable_errors(versions)
    errors += _names(as_dict(spec.get("names")))
    if old is not None:
        errors += _update(spec, as_dict(old.get("spec")), established=_established(old))
    return errors


def _name(obj: Manifest, spec: Manifest) -> list[FieldError]:
    name = text(obj, "metadata", "name")
    wanted = f"{text(spec, 'names', 'plural')}.{text(spec, 'group')}"
    if not name or name == wanted:
        return []
    return [invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')]


def _group(group: str) -> list[FieldError]:
    if not group:
        return [required("spec.group")]
    problems = names.dns_subdomain(group)
    if problems:
        return [invalid("spec.group", group, ",".join(problems))]
    return [] if "." in group else [invalid("spec.group", group, "should be a domain with at least one dot")]


def _versions(versions: list[Manifest]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, version in enumerate(versions):
        path, name = f"spec.versions[{index}]", text(version, "name")
        problems = names.dns_1035_label(name)
        errors += [invalid(f"{path}.name", name, ",".join(problems))] if problems else []
    errors += _contents(versions)
    found = [text(version, "name") for version in versions]
    if len(set(found)) != len(found):
        errors.append(invalid("spec.versions", _shown(versions), "must contain unique version names"))
    if sum(bool(version.get("storage")) for version in versions) != 1:
        detail = "must have exactly one version marked as storage version"
        errors.append(invalid("spec.versions", _shown(versions), detail))
    return errors


_SHOWN = (
    ("Name", "name", ""),
    ("Served", "served", False),
    ("Storage", "storage", False),
    ("Deprecated", "deprecated", False),
    ("DeprecationWarning", "deprecationWarning", None),
    ("Schema", "", None),
    ("Subresources", "", None),
    ("AdditionalPrinterColumns", "", None),
    ("SelectableFields", "", None),
)


def _shown(versions: list[Manifest]) -> Internal:
    """Write versions in the server's internal form, without what it keeps once for all of them."""
    items = (
        ",".join(f'"{label}":{shown(version.get(name, default))}' for label, name, default in _SHOWN)
        for version in versions
    )
    return Internal("[" + ",".join(f"{{{item}}}" for item in items) + "]")


def _contents(versions: list[Manifest]) -> list[FieldError]:
    """Check schemas, subresources and columns; what all versions agree on is reported once, as the server keeps it."""
    errors: list[FieldError] = []
    for field, check, shared in (
        ("schema", _schema, "spec.validation"),
        ("subresources", _subresources, "spec.subresources"),
        ("additionalPrinterColumns", _columns, "spec.additionalPrinterColumns"),
    ):
        values = [version.get(field) for version in versions]
        if values and all(value == values[0] for value in values):
            errors += check(values[0], shared)
        else:
            errors += [
                error for index, value in enumerate(values) for error in check(value, f"spec.versions[{index}].{field}")
            ]
    return errors


def _schema(schema: Any, path: str) -> list[FieldError]:
    document = dig(schema, "openAPIV3Schema")
    if document is None:
        return []
    root = f"{path}.openAPIV3Schema"
    structure = validate_structure(as_dict(document), root)
    return structure or [*default_errors(parse_schema(as_dict(document)), root), *_rules(as_dict(document), root)]


def _rules(document: Manifest, root: str) -> list[FieldError]:
    """Check the CEL rules of a schema that is structural; their errors name parts of the schema by `{root}`."""
    return [
        replace(error, field=f"{root}{error.field}", message=error.message.replace("{root}", root))
        for error in compiled_rules(document).errors
    ]


def _columns(columns: Any, path: str) -> list[FieldError]:
    return [
        error for index, column in enumerate(as_list(columns)) for error in _column(as_dict(column), f"{path}[{index}]")
    ]


def _subresources(subresources: Any, path: str) -> list[FieldError]:
    scale = dig(subresources, "scale")
    if scale is None:
        return []
    errors: list[FieldError] = []
    for field, root in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")):
        value = text(scale, field)
        if not value:
            errors.append(required(f"{path}.scale.{field}"))
        elif not value.startswith(f"{root}."):
            errors.append(invalid(f"{path}.scale.{field}", value, f"should be a json path under {root}"))
    return errors


def _column(column: Manifest, path: str) -> list[FieldError]:
    kind, form, where = text(column, "type"), text(column, "format"), text(column, "jsonPath")
    listed = f"must be one of {','.join(_COLUMN_TYPES)}"
    errors = [] if text(column, "name") else [required(f"{path}.name")]
    if not kind:
        errors.append(required(f"{path}.type", listed))
    elif kind not in _COLUMN_TYPES:
        errors.append(invalid(f"{path}.type", kind, listed))
    if form and form not in _COLUMN_FORMATS:
        errors.append(invalid(f"{path}.format", form, f"must be one of {','.join(_COLUMN_FORMATS)}"))
    if not where:
        errors.append(required(f"{path}.JSONPath"))
    elif not _SIMPLE_PATH.match(where):
        errors.append(invalid(f"{path}.JSONPath", where, "must be a simple json path starting with ."))
    return errors


def _names(found: Manifest) -> list[FieldError]:
    errors = [
        required(f"spec.names.{field}")
        for field in ("plural", "singular", "kind", "listKind")
        if not text(found, field)
    ]
    for field, mixed in (("plural", False), ("singular", False), ("kind", True), ("listKind", True)):
        value = text(found, field)
        problems = names.dns_1035_label(value.lower() if mixed else value) if value else ()
        if problems:
            prefix = "may have mixed case, but should otherwise match: " if mixed else ""
            errors.append(invalid(f"spec.names.{field}", value, prefix + ",".join(problems)))
    for field in ("shortNames", "categories"):
        for index, value in enumerate(as_list(found.get(field))):
            problems = names.dns_1035_label(str(value))
            errors += [invalid(f"spec.names.{field}[{index}]", value, ",".join(problems))] if problems else []
    if text(found, "kind") and found.get("kind") == found.get("listKind"):
        errors.append(invalid("spec.names.listKind", found["listKind"], "kind and listKind may not be the same"))
    return errors


def _established(crd: Manifest) -> bool:
    return any(
        text(item, "type") == "Established" and text(item, "status") == "True"
        for item in dicts(crd, "status", "conditions")
    )


def _update(new: Manifest, old: Manifest, *, established: bool) -> list[FieldError]:
    paths = [("group",), ("names", "plural")]
    if established:
        paths = [("scope",), ("names", "kind"), *paths]
    return [error for path in paths for error in immutable(f"spec.{'.'.join(path)}", dig(new, *path), dig(old, *path))]
