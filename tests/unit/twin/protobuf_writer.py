"""Writes manifests as protobuf, from the same field tables that the decoder reads: what a Go client would send."""

import base64

from kubewright.api.meta import parse_time
from kubewright.twin.kinds import KindTable

TABLE = KindTable.builtin()


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def chunk(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def field(number, kind, value):
    if kind == "bool" or kind.startswith(("int", "uint")):
        return varint(number << 3) + varint(int(value))
    if kind == "string":
        return chunk(number, value.encode())
    if kind == "bytes":
        return chunk(number, base64.b64decode(value))
    return chunk(number, message(kind, value))


def message(definition, document):
    short = definition.rpartition(".")[2]
    if short == "Quantity":
        return chunk(1, document.encode())
    if short == "Time":
        return varint(1 << 3) + varint(int(parse_time(document)))
    if short == "IntOrString":
        if isinstance(document, str):
            return varint(1 << 3) + varint(1) + chunk(3, document.encode())
        return varint(2 << 3) + varint(document)
    out = b""
    for number, wire in TABLE.message(definition).items():
        if not wire.name:
            inner = message(wire.type, document)
            out += chunk(number, inner) if inner else b""
        elif wire.name in document:
            value = document[wire.name]
            if wire.map_value:
                out += b"".join(
                    chunk(number, chunk(1, key.encode()) + field(2, wire.map_value, item))
                    for key, item in value.items()
                )
            elif wire.repeated:
                out += b"".join(field(number, wire.type, item) for item in value)
            else:
                out += field(number, wire.type, value)
    return out


def encode(document):
    body = {key: value for key, value in document.items() if key not in {"apiVersion", "kind"}}
    definition = TABLE.definition(document["apiVersion"], document["kind"])
    meta = chunk(1, document["apiVersion"].encode()) + chunk(2, document["kind"].encode())
    return b"k8s\0" + chunk(1, meta) + chunk(2, message(definition, body))
