"""A service on a twin as its own account: with the rights of its role alone, and noted what it asks for."""

from __future__ import annotations

from kubewright.api.core import SERVICE_ACCOUNTS
from kubewright.api.meta import Manifest, ObjectKey, PartialObject, Resource
from kubewright.api.rights import GROUP, account
from kubewright.twin.access.users import User, account_user
from kubewright.twin.cluster import Twin
from tests.rights import asked_for, given_by, unused

OFTEN = "patch events"
"""An Event that repeats is patched, which takes minutes."""
KINDS = {
    "ServiceAccount": SERVICE_ACCOUNTS,
    **{
        kind: Resource(GROUP, "v1", f"{kind.lower()}s", kind, PartialObject)
        for kind in ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
    },
}


async def grant(twin: Twin, documents: list[Manifest]) -> User:
    """Make an account and its roles, as printed; returns who it is."""
    client = twin.client()
    for document in documents:
        namespace = document["metadata"].get("namespace", "")
        await client.create(KINDS[document["kind"]], document, namespace=namespace)
    return account_user(ObjectKey("default", documents[0]["metadata"]["name"]))


def refusals(twin: Twin) -> list[str]:
    """Return the list that every request refused from now on is added to."""
    refused: list[str] = []
    handle = twin.server.handle

    async def noting(request, user):
        response = await handle(request, user)
        if response.status == 403:
            refused.append(f"{request.method} {request.path}")
        return response

    twin.server.handle = noting
    return refused


class Account:
    """An account that has these rules and no more; `client` acts as it, `refused` is what it was not allowed."""

    def __init__(self, twin: Twin, user: User, rules: list[Manifest]) -> None:
        self.client, self._rules = twin.client(user), rules
        self.refused: list[str] = []
        self._used: set[tuple[str, str, str]] = set()
        handle = twin.server.handle

        async def noting(request, who):
            response = await handle(request, who)
            if who == user:
                self._used.update(asked_for(request, response.status))
                if response.status == 403:
                    self.refused.append(f"{request.method} {request.path}")
            return response

        twin.server.handle = noting

    @property
    def unused(self) -> list[str]:
        """Return what it was given and has not used, as "verb resource.group"."""
        left = unused(given_by(self._rules), self._used)
        return sorted(f"{verb} {resource}" + (f".{group}" if group else "") for verb, group, resource in left)


async def account_of(twin: Twin, name: str, rules: list[Manifest]) -> Account:
    """Make a service's account."""
    return Account(twin, await grant(twin, account(name, "default", rules)), rules)
