"""Schemas that the tests of patches share: one as built-in kinds have them, one of a custom resource."""

from kubewright.api.schema import parse_schema

TEXT = {"type": "string"}
NUMBER = {"type": "integer"}


def obj(**properties):
    return {"type": "object", "properties": properties}


def keyed(items, *keys):
    return {
        "type": "array",
        "items": items,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": list(keys),
        "x-kubernetes-patch-strategy": "merge",
        "x-kubernetes-patch-merge-key": keys[0],
    }


PORT = obj(port=NUMBER, protocol={**TEXT, "default": "TCP"}, name=TEXT)
CONTAINER = obj(
    name=TEXT,
    image=TEXT,
    args={"type": "array", "items": TEXT, "x-kubernetes-list-type": "atomic"},
    env=keyed(obj(name=TEXT, value=TEXT), "name"),
    ports=keyed(PORT, "port", "protocol"),
)
VOLUME = obj(name=TEXT, emptyDir=obj(medium=TEXT), configMap=obj(name=TEXT))
SELECTOR = {"type": "object", "additionalProperties": TEXT, "x-kubernetes-map-type": "atomic"}

DEFINITIONS = {
    "Meta": obj(
        labels={"type": "object", "additionalProperties": TEXT},
        finalizers={
            "type": "array",
            "items": TEXT,
            "x-kubernetes-list-type": "set",
            "x-kubernetes-patch-strategy": "merge",
        },
    ),
    "Spec": {
        **obj(
            replicas=NUMBER,
            paused={"type": "boolean"},
            text=TEXT,
            quantity={"type": "string", "format": "quantity"},
            selector=SELECTOR,
            containers=keyed(CONTAINER, "name"),
            volumes={**keyed(VOLUME, "name"), "x-kubernetes-patch-strategy": "merge,retainKeys"},
            nested=obj(deep=obj(x=TEXT, y=TEXT), other=TEXT),
            labels={"type": "object", "additionalProperties": TEXT},
        ),
        "required": ["containers"],
    },
    "Status": obj(ready=NUMBER, phase=TEXT),
}

_known = {}


def resolve(name):
    if name not in _known:
        _known[name] = parse_schema(DEFINITIONS[name], resolve)
    return _known[name]


BUILT_IN = parse_schema(
    obj(
        apiVersion=TEXT,
        kind=TEXT,
        metadata={"$ref": "Meta", "default": {}},
        spec={"$ref": "Spec", "default": {}},
        status={"$ref": "Status", "default": {}},
    ),
    resolve,
)

CUSTOM = parse_schema(
    obj(
        apiVersion=TEXT,
        kind=TEXT,
        metadata={"type": "object"},
        spec=obj(
            size=NUMBER,
            tags={"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"},
            ports=keyed(PORT, "port", "protocol"),
            plain={"type": "array", "items": obj(a=TEXT)},
            free={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            mapped={"type": "object", "additionalProperties": obj(p=TEXT, q=TEXT)},
            nested=obj(deep=obj(x=TEXT, y=TEXT), other=TEXT),
        ),
        status=obj(ready=NUMBER),
    )
)
