"""What could not be read of a cluster is told, and not taken for what is not there."""

from kubewright.api.meta import ObjectKey
from kubewright.client.protocol import Listing, Undecodable
from kubewright.errors import ErrorKind, OpError
from kubewright.explain.reading import read


class Server:
    """Has nothing but a pod that makes no sense, and lets nobody read quotas."""

    async def list(self, resource):
        if resource.kind == "ResourceQuota":
            raise OpError("client.list", ErrorKind.FORBIDDEN, "ResourceQuota", "you may not")
        broken = (Undecodable(ObjectKey("shop", "web-1"), "spec: expected object"),) if resource.kind == "Pod" else ()
        return Listing((), "1", broken)


async def test_what_is_not_understood_and_what_may_not_be_read_are_told():
    cluster = await read(Server())
    assert sorted(cluster.unread) == [
        "pods: 1 could not be understood, such as shop/web-1: spec: expected object",
        "resourcequotas: you may not",
    ]
