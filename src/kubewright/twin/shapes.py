"""Built-in definitions as a decoder sees them: what kind of value each property holds.

Compiled from the kind table's OpenAPI and protobuf facts and kept for the life of the process. `validation.decoding`
walks shapes to find what does not decode, `defaults.canonical` to write objects as the real server would.
"""

from __future__ import annotations

import enum
import functools
from dataclasses import dataclass, replace
from typing import Any

from kubewright.twin.kinds import KindTable
from kubewright.twin.reading import as_dict

_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
OBJECT_META = f"{_META}ObjectMeta"
_TABLE = KindTable()


class Holds(enum.Enum):
    """What a property's value is made of."""

    OBJECT = "object"
    LIST = "list"
    MAP = "map"
    STRING = "string"
    BYTES = "bytes"
    BOOLEAN = "bool"
    INTEGER = "integer"
    NUMBER = "number"
    QUANTITY = "quantity"
    INT_OR_STRING = "int-or-string"
    TIME = "time"
    MICRO_TIME = "micro-time"
    OPAQUE = "opaque"

    __hash__ = object.__hash__  # Enum's own is a call into Python, and shapes are looked at for every field written


@dataclass(frozen=True, slots=True)
class Shape:
    """One value: `items` is a list's or map's element, `definition` an object's; `go_type` as Go prints it."""

    holds: Holds
    go_type: str
    definition: str = ""
    items: Shape | None = None
    default: Any = None
    """What is written when the property is absent; None when nothing is."""
    optional_struct: bool = True


_BY_DEFINITION = {
    _QUANTITY: (Holds.QUANTITY, "resource.Quantity"),
    f"{_META}Time": (Holds.TIME, "v1.Time"),
    f"{_META}MicroTime": (Holds.MICRO_TIME, "v1.MicroTime"),
    f"{_META}FieldsV1": (Holds.OPAQUE, "v1.FieldsV1"),
    f"{_META}Duration": (Holds.STRING, "v1.Duration"),
    "io.k8s.apimachinery.pkg.runtime.RawExtension": (Holds.OPAQUE, "runtime.RawExtension"),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": (Holds.INT_OR_STRING, "intstr.IntOrString"),
}


@functools.cache
def shapes_of(definition: str) -> dict[str, Shape]:
    """Return a definition's properties by name; empty for what has none or is unknown."""
    document = _TABLE.document(definition)
    wire = {field.name: field.type for field in _TABLE.message(definition).values()}
    properties = as_dict(document.get("properties"))
    shapes = {name: _shape(as_dict(schema), wire.get(name, ""), name) for name, schema in properties.items()}
    if definition.rpartition(".")[2] in _NAMES_OMITTED:
        shapes["name"] = replace(shapes["name"], default=None)
    return shapes


_NAMES_OMITTED = frozenset(
    {
        "LocalObjectReference",
        "ConfigMapEnvSource",
        "ConfigMapKeySelector",
        "ConfigMapProjection",
        "ConfigMapVolumeSource",
        "SecretEnvSource",
        "SecretKeySelector",
        "SecretProjection",
    }
)
"""What embeds a LocalObjectReference: OpenAPI says that its name is "" by default, and Go never writes it so."""


def _shape(schema: dict[str, Any], wire: str, name: str) -> Shape:  # noqa: PLR0911  one case a JSON type
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _referenced(reference, schema.get("default"))
    match schema.get("type"):
        case "array":
            items = _shape(as_dict(schema.get("items")), wire, "")
            return Shape(Holds.LIST, f"[]{items.go_type}", items=items)
        case "object" if "additionalProperties" in schema:
            items = _shape(as_dict(schema["additionalProperties"]), "", "")
            return Shape(Holds.MAP, f"map[string]{items.go_type}", items=items)
        case "string" if schema.get("format") == "byte" or wire == "bytes":
            return Shape(Holds.BYTES, "[]uint8")
        case "string":
            return Shape(Holds.STRING, _GO_NAMES.get(name, "string"), default=schema.get("default"))
        case "boolean":
            return Shape(Holds.BOOLEAN, "bool", default=schema.get("default"))
        case "integer":
            go_type = wire if wire.startswith("int") else str(schema.get("format", "int32"))
            return Shape(Holds.INTEGER, go_type, default=schema.get("default"))
        case "number":
            return Shape(Holds.NUMBER, "float64", default=schema.get("default"))
        case _:
            return Shape(Holds.OPAQUE, "interface {}")


def _referenced(definition: str, default: Any) -> Shape:
    known = _BY_DEFINITION.get(definition)
    if known is not None:
        return Shape(known[0], known[1], definition)
    document = _TABLE.document(definition)
    package, _, name = definition.rpartition(".")
    go_type = f"{package.rpartition('.')[2]}.{name}"
    if "properties" in document:
        return Shape(Holds.OBJECT, go_type, definition, default=default)
    if document.get("type") in {"object", "array", "string"} and (document.keys() & {"additionalProperties", "items"}):
        return _shape(document, "", "")
    # An object without properties is a marker such as emptyDir's neighbours; JSON and JSONSchemaProps* hold anything.
    opaque = name.startswith("JSON")
    return Shape(Holds.OPAQUE if opaque else Holds.OBJECT, go_type, definition, default=None if opaque else default)


_GO_NAMES = {
    "protocol": "v1.Protocol",
    "imagePullPolicy": "v1.PullPolicy",
    "restartPolicy": "v1.RestartPolicy",
    "dnsPolicy": "v1.DNSPolicy",
    "terminationMessagePolicy": "v1.TerminationMessagePolicy",
    "sessionAffinity": "v1.ServiceAffinity",
    "scheme": "v1.URIScheme",
    "uid": "types.UID",
}
"""The named string types of Go that users meet in messages; OpenAPI keeps only `string`."""
