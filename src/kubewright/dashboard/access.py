"""Who looks, what they may see, and what they may do: asked of the API server, for each person and each action.

Somebody is a token of the cluster (TokenReview says whose) or, where a person runs the dashboard for themselves, the
owner of the kubeconfig. What they may is a SubjectAccessReview's to say (the owner's own SelfSubjectAccessReview). The
dashboard's account reads for everybody; a row is shown only to whoever may list its kind in its namespace themselves.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from kubewright.api.meta import Manifest, ObjectKey, Resource
from kubewright.client.protocol import Client
from kubewright.client.reviews import OwnRules, may, own_rules
from kubewright.clock import Clock
from kubewright.dashboard.sealing import MOST_COOKIE, Sealer, Session, lasts
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.diagnostics.gatekeeper import Gatekeeper

LASTING_SECONDS = 12 * 3600.0
"""How long a session lasts, if its token does."""
ASKED_AGAIN_SECONDS = 30.0
"""How long an answer of the cluster about a token or a right is taken for true."""
MOST_REMEMBERED = 4096
_AT_ONCE = 8
_ME = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever is signed in."""

    name: str
    user: Manifest | None = field(repr=False)
    """As a TokenReview says; None for the owner."""
    token: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class Sight:
    """Where somebody may list a kind: everywhere, or in these namespaces."""

    everywhere: bool = False
    namespaces: frozenset[str] = frozenset()

    @property
    def is_blind(self) -> bool:
        """Whether there is nothing at all to see."""
        return not self.everywhere and not self.namespaces

    def shows(self, namespace: str) -> bool:
        """Whether what is in a namespace is shown; what is in none only to whoever sees everything."""
        return self.everywhere or (bool(namespace) and namespace in self.namespaces)


class Access:
    """Signs people in and asks the cluster about them."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        sealer: Sealer[Session],
        *,
        connect_as: Callable[[str], Client] | None = None,
        owner_key: str = "",
        read_only: bool = False,
    ) -> None:
        """`connect_as` makes a client from a token; with `owner_key` whoever shows it is the owner of `client`."""
        self.read_only = read_only
        self.takes_tokens = connect_as is not None
        self._client = client
        self._clock = clock
        self._sealer = sealer
        self._connect_as = connect_as
        self._owner_key = owner_key
        self._gatekeeper = Gatekeeper(client)
        self._answers: OrderedDict[object, tuple[float, Any]] = OrderedDict()
        self._limit = asyncio.Semaphore(_AT_ONCE)

    async def sign_in(self, *, token: str = "", key: str = "") -> str:
        """Return the cookie of a new session; raises OpError (UNAUTHORIZED, INVALID, UNAVAILABLE)."""
        now = self._clock.now()
        if key:
            if not self._owner_key or not hmac.compare_digest(key.encode(), self._owner_key.encode()):
                raise OpError("dashboard.sign-in", ErrorKind.UNAUTHORIZED, "", "this link is not of this process")
            return self._sealer.seal(Session(since=now, owner=True))
        if not self.takes_tokens:
            raise OpError("dashboard.sign-in", ErrorKind.UNAUTHORIZED, "", "open the link that the command printed")
        if not token or await self._whose(token) is None:
            raise OpError("dashboard.sign-in", ErrorKind.UNAUTHORIZED, "", "the cluster does not know this token")
        cookie = self._sealer.seal(Session(token, now))
        if len(cookie) > MOST_COOKIE:
            raise OpError("dashboard.sign-in", ErrorKind.INVALID, "", "the token is too long for a cookie")
        return cookie

    async def person(self, cookie: str) -> Person | None:
        """Return who holds a session's cookie; None if it is over, forged, or its token is known no more."""
        session = self._sealer.open(cookie) if cookie else None
        if session is None or not lasts(session, LASTING_SECONDS, self._clock.now()):
            return None
        if session.owner:
            return Person(await self._remembered("owner", self._owner), None) if self._owner_key else None
        user = await self._whose(session.token)
        return None if user is None else Person(str(user.get("username", "")), user, session.token)

    @asynccontextmanager
    async def acting(self, person: Person) -> AsyncGenerator[Client]:
        """Have a client that acts as the person for a while."""
        if person.user is None:
            yield self._client
            return
        if self._connect_as is None:
            raise OpError("dashboard.act", ErrorKind.UNAUTHORIZED, person.name, "tokens are not taken here")
        client = self._connect_as(person.token)
        try:
            yield client
        finally:
            await client.close()

    async def may(
        self, person: Person, verb: str, resource: Resource[Any], namespace: str = "", *, name: str = "", sub: str = ""
    ) -> bool:
        """Whether the person may do something; raises OpError when the cluster cannot be asked."""
        attributes = {"verb": verb, "group": resource.group, "resource": resource.plural}
        attributes |= {"namespace": namespace, "name": name, "subresource": sub}
        asked: Manifest = {"resourceAttributes": {key: value for key, value in attributes.items() if value}}
        return await self._remembered(("may", _who(person), *attributes.values()), lambda: self._allowed(person, asked))

    async def need(self, person: Person, verb: str, resource: Resource[Any], key: ObjectKey) -> None:
        """Raise OpError FORBIDDEN, in words for the person, unless they may do something to an object."""
        if not await self.may(person, verb, resource, key.namespace, name=key.name):
            said = f"{person.name} may not {verb} {resource.plural}"
            raise OpError("dashboard", ErrorKind.FORBIDDEN, str(key), f"{said}: ask who gives roles in this cluster")

    async def sight(self, person: Person, resource: Resource[Any], namespaces: Iterable[str]) -> Sight:
        """Return where the person may list a kind."""
        if await self.may(person, "list", resource):
            return Sight(everywhere=True)
        if not resource.namespaced:
            return Sight()
        names = tuple(namespaces)
        async with self.acting(person) as client:
            allowed = await asyncio.gather(*(self._lists(person, client, resource, each) for each in names))
        return Sight(namespaces=frozenset(name for name, may in zip(names, allowed, strict=True) if may))

    async def _lists(self, person: Person, client: Client, resource: Resource[Any], namespace: str) -> bool:
        """Whether the person may list a kind in a namespace: by their rules there, which are asked once for all kinds.

        Where the rules are not all told, as by an authorizer that asks elsewhere, what they lack is asked by itself.
        """
        rules = await self._remembered(("rules", _who(person), namespace), lambda: self._rules(client, namespace))
        if rules is not None and rules.named("list", resource.group, resource.plural) is None:
            return True
        return (rules is None or rules.incomplete) and await self.may(person, "list", resource, namespace)

    async def _rules(self, client: Client, namespace: str) -> OwnRules | None:
        async with self._limit:
            try:
                return await own_rules(client, namespace)
            except OpError:
                return None  # each right is asked about instead

    async def _whose(self, token: str) -> Manifest | None:
        key = ("token", hashlib.sha256(token.encode()).digest())
        return await self._remembered(key, lambda: self._gatekeeper.identify(token))

    async def _owner(self) -> str:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        review = await self._client.raw("POST", _ME, body=body)
        status: Manifest = review.get("status") or {}
        info: Manifest = status.get("userInfo") or {}
        return str(info.get("username", ""))

    async def _allowed(self, person: Person, asked: Manifest) -> bool:
        async with self._limit:
            if person.user is not None:
                return await self._gatekeeper.allows(person.user, asked)
            return await may(self._client, asked)

    async def _remembered(self, key: object, ask: Callable[[], Any]) -> Any:
        """Return an answer of the last half minute, or ask anew."""
        now = self._clock.now()
        known = self._answers.get(key)
        if known is not None and now - known[0] < ASKED_AGAIN_SECONDS:
            return known[1]
        answer = await ask()
        self._answers[key] = (now, answer)
        self._answers.move_to_end(key)
        while len(self._answers) > MOST_REMEMBERED:
            self._answers.popitem(last=False)
        return answer


def _who(person: Person) -> bytes:
    """Return what tells people apart; nothing of a token."""
    return hashlib.sha256(person.token.encode()).digest() if person.user is not None else b""
