"""Where objects live, and that no name leads elsewhere."""

import pytest

from kubewright.api.core import NODES, PODS
from kubewright.api.meta import ObjectKey
from kubewright.client.paths import collection_path, object_path
from kubewright.errors import ErrorKind, OpError


def test_a_path_has_the_namespace_of_kinds_that_have_one():
    assert object_path(PODS, ObjectKey("shop", "web"), "exec") == "/api/v1/namespaces/shop/pods/web/exec"
    assert object_path(NODES, ObjectKey("", "n")) == "/api/v1/nodes/n"
    assert collection_path(PODS, "") == "/api/v1/pods"


@pytest.mark.parametrize("name", ["", ".", "..", "../secrets", "a/b"])
def test_a_name_that_none_can_have_is_not_found(name):
    with pytest.raises(OpError) as caught:
        object_path(PODS, ObjectKey("shop", name))
    assert caught.value.kind is ErrorKind.NOT_FOUND


def test_a_namespace_that_none_can_have_is_not_found():
    with pytest.raises(OpError, match="nothing can have the name"):
        collection_path(PODS, "../..")
