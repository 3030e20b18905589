"""The Gateway API's definitions, for twins that are to have them: facts of one release, packed by `tools/gateway`.

They are not there by default: compiling their CEL rules takes a second or two.
"""

from __future__ import annotations

import lzma
from importlib import resources

import msgspec

from kubewright.api.meta import Manifest


def definitions() -> list[Manifest]:
    """Return the CustomResourceDefinitions: GatewayClass, Gateway, HTTPRoute, GRPCRoute and ReferenceGrant."""
    packed = resources.files("kubewright.twin").joinpath("gateway.json.xz").read_bytes()
    return msgspec.json.decode(lzma.decompress(packed))
