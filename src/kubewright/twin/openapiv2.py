"""OpenAPI v2: all kinds in one document, which kubectl still validates lists by.

Made from the documents of OpenAPI v3: the older form knows neither defaults beside a reference nor alternatives, and
kubectl's reader of it takes lists without items and open objects with properties amiss, so that these lose their type.
"""

from __future__ import annotations

from typing import Any, cast

from kubewright.api.meta import Manifest
from kubewright.twin.openapi import PREFIX, OpenApi
from kubewright.twin.reading import as_dict, as_list

_PREFIX = "#/definitions/"
_DROPPED = frozenset({"default", "allOf", "oneOf", "anyOf", "not", "nullable", "$ref"})
_METHODS = ("get", "put", "post", "delete", "patch")
_CREDENTIAL: Manifest = {"type": "apiKey", "name": "authorization", "in": "header"}


def swagger(openapi: OpenApi, release: str) -> Manifest:
    """Return `/openapi/v2` of a release such as `v1.37.2`."""
    paths: Manifest = {}
    definitions: Manifest = {}
    for name in openapi.index()["paths"]:
        document = openapi.document(name) or {}
        paths |= {path: _path(item) for path, item in as_dict(document.get("paths")).items()}
        schemas = as_dict(as_dict(document.get("components")).get("schemas"))
        definitions |= {name: _schema(schema) for name, schema in schemas.items() if name not in definitions}
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": release},
        "paths": paths,
        "definitions": definitions,
        "securityDefinitions": {"BearerToken": _CREDENTIAL},
        "security": [{"BearerToken": []}],
    }


def _path(item: Manifest) -> Manifest:
    written: Manifest = {method: _operation(item[method]) for method in _METHODS if method in item}
    if "parameters" in item:
        written["parameters"] = [_parameter(each) for each in item["parameters"]]
    return written


def _operation(operation: Manifest) -> Manifest:
    written = {name: value for name, value in operation.items() if name.startswith("x-")}
    parameters = [_parameter(each) for each in as_list(operation.get("parameters"))]
    body = as_dict(operation.get("requestBody"))
    if body:
        content = as_dict(body.get("content"))
        schema = next(iter(content.values()))["schema"]
        written["consumes"] = list(content)
        parameters.insert(0, {"name": "body", "in": "body", "required": True, "schema": _schema(schema)})
    if parameters:
        written["parameters"] = parameters
    written["responses"] = {code: _answer(answer) for code, answer in as_dict(operation.get("responses")).items()}
    return written


def _parameter(parameter: Manifest) -> Manifest:
    return {**{name: value for name, value in parameter.items() if name != "schema"}, **parameter["schema"]}


def _answer(answer: Manifest) -> Manifest:
    written: Manifest = {"description": answer.get("description", "")}
    for content in as_dict(answer.get("content")).values():
        written["schema"] = _schema(content["schema"])
    return written


def _schema(schema: Manifest) -> Manifest:
    """Write one schema in the older form."""
    for each in (schema, *as_list(schema.get("allOf"))):
        if "$ref" in each:
            extensions = {name: value for name, value in schema.items() if name.startswith("x-")}
            return {"$ref": _PREFIX + each["$ref"].removeprefix(PREFIX), **extensions}
    written = {name: _part(name, value) for name, value in schema.items() if name not in _DROPPED}
    if "oneOf" in schema and "properties" not in schema and not schema.get("x-kubernetes-int-or-string"):
        # A quantity, or a port's number or name.
        written.setdefault("type", "string")
    is_nullable, is_open = schema.get("nullable"), schema.get("x-kubernetes-preserve-unknown-fields")
    if is_nullable or is_open:
        written.pop("items", None)
        written.pop("properties", None)
    is_bare_list = written.get("type") == "array" and "items" not in written
    if is_nullable or is_bare_list or (is_open and written.get("type") == "object"):
        written.pop("type", None)
    return _requiring(written, _required(schema))


def _part(name: str, value: Any) -> Any:
    match name:
        case "properties":
            return {each: _schema(schema) for each, schema in as_dict(value).items()}
        case "items" | "additionalProperties" if isinstance(value, dict):
            return _schema(cast("Manifest", value))
        case _:
            return value


def _required(schema: Manifest) -> list[str]:
    """Return what an object must have: nothing that may be null."""
    properties = as_dict(schema.get("properties"))
    if as_dict(schema.get("additionalProperties")).get("nullable"):
        return []
    return [each for each in as_list(schema.get("required")) if not as_dict(properties.get(each)).get("nullable")]


def _requiring(written: Manifest, required: list[str]) -> Manifest:
    rest = {name: value for name, value in written.items() if name != "required"}
    return {**rest, "required": required} if required else rest
