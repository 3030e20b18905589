"""The packed definitions of the Gateway API."""

from kubewright.twin.bootstrap import system_objects
from kubewright.twin.gateway import definitions
from tools.gateway.__main__ import bare

KINDS = ["GatewayClass", "Gateway", "GRPCRoute", "HTTPRoute", "ReferenceGrant"]


def _crds(*, gateway_api):
    made = [write.manifest for write in system_objects(gateway_api=gateway_api)]
    return [each["spec"]["names"]["kind"] for each in made if each.get("kind") == "CustomResourceDefinition"]


def test_a_twin_has_them_where_they_are_wanted():
    assert [kind for kind in _crds(gateway_api=True) if kind in KINDS] == KINDS
    assert not set(_crds(gateway_api=False)) & set(KINDS)


def test_they_have_no_prose_and_are_packed_as_they_are_read():
    assert bare(definitions()) == definitions()


def test_a_property_called_description_is_no_description():
    schema = {"description": "prose", "properties": {"description": {"type": "string", "description": "prose"}}}
    assert bare(schema) == {"properties": {"description": {"type": "string"}}}
