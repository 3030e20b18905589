"""The API server: one request in, one response out.

The same `handle` serves HTTP (`asgi.py`) and clients in this process. It has no threads, no sockets and no tasks of its
own, only timers (`upkeep.py`): each request runs to its end without waiting, and only a watch's stream waits. One that
needs a webhook's answer ends, waits for it, and runs again from its beginning. So it runs unchanged under virtual time,
and what it does depends on nothing but its requests, its clock, its seed, and what webhooks say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from kubewright.client.transport import Request, Response
from kubewright.clock import Clock
from kubewright.store.versioned import VersionedStore
from kubewright.twin import ACTED_ON, KEPT_ONLY, NOT_MODELLED, admission, documents, status
from kubewright.twin.access import bootstrap, reviews
from kubewright.twin.access.authorizer import Authorizer
from kubewright.twin.access.credentials import Credentials
from kubewright.twin.access.gate import admitted
from kubewright.twin.access.policy import Policy
from kubewright.twin.allocation import ServiceAddresses
from kubewright.twin.answers import document, plain
from kubewright.twin.call import ADMIN, Call, Services, User
from kubewright.twin.crds import Definitions
from kubewright.twin.eventwrites import EventWrites
from kubewright.twin.exporters.requests import RequestMetrics
from kubewright.twin.exporters.text import CONTENT_TYPE
from kubewright.twin.faults.gate import ApiGate
from kubewright.twin.faults.inforce import Board
from kubewright.twin.faults.outages import Outages
from kubewright.twin.kinds import KindInfo, KindTable
from kubewright.twin.moulds import Moulds
from kubewright.twin.podupdates import PodUpdates
from kubewright.twin.registry import Registry
from kubewright.twin.routes import Route, group_below, parse_route
from kubewright.twin.subresources import accounts, logs, namespaces, pods, scale
from kubewright.twin.upkeep import Upkeep
from kubewright.twin.verbs import patching, reading, writing
from kubewright.twin.watch import WatchHub, WatchStream
from kubewright.twin.webhooks.questions import Draws, Memory, NoWay, Unanswered, WebhookTransport
from kubewright.twin.yamlform import in_yaml, wants_yaml

_MOST_RUNS = 100
"""Each run learns what at least one more webhook says; only objects that change in between could go on for ever."""
Verb = Callable[[Call], Response]

_COLLECTION: Mapping[str, Verb] = {
    "GET": reading.list_or_watch,
    "POST": writing.create,
    "DELETE": writing.delete_collection,
}
_OBJECT: Mapping[str, Verb] = {
    "GET": reading.get,
    "PUT": writing.update,
    "PATCH": patching.patch,
    "DELETE": writing.delete,
}
_STATUS: Mapping[str, Verb] = {"GET": reading.get, "PUT": writing.update, "PATCH": patching.patch}
_PROXY = "proxy"
_SUBRESOURCES: Mapping[str, Mapping[str, Verb]] = {
    "status": _STATUS,
    "scale": {"GET": scale.get_scale, "PUT": scale.put_scale, "PATCH": scale.patch_scale},
    "binding": {"POST": pods.bind},
    "eviction": {"POST": pods.evict},
    "log": {"GET": logs.log},
    "resize": _STATUS,
    "ephemeralcontainers": _STATUS,
    "approval": _STATUS,
    "token": {"POST": accounts.create_token},
    "finalize": {"PUT": namespaces.finalize},
}


class Backends(Protocol):
    """What runs behind the server and answers some of its requests."""

    def proxied(self, kind: KindInfo, route: Route, request: Request) -> Response:
        """Answer what is passed on to a node, a pod or a service."""
        ...

    def aggregated(self, call: Call) -> Response | None:
        """Answer for a kind of a group that is not the server's own; None when it is."""
        ...


class ApiServer:
    """A Kubernetes API server over a store; `seed` decides every uid, generated name and allocated address."""

    def __init__(
        self,
        clock: Clock,
        kinds: KindTable,
        store: VersionedStore | None = None,
        *,
        seed: int = 0,
        webhooks: WebhookTransport | None = None,
        made: Iterable[KindInfo] = (),
    ) -> None:
        """Serve what a store holds; `webhooks` carries questions to webhooks, which without it cannot be reached.

        `made` are custom kinds that another server has made of the definitions in the store.
        """
        self.clock = clock
        self.webhooks: WebhookTransport = webhooks or NoWay()
        self.store = store if store is not None else VersionedStore()
        self.kinds = KindTable(modelled_kinds(kinds))
        self._all_kinds = kinds
        self._random = generator = Draws(seed)
        addresses = ServiceAddresses(generator)
        addresses.follow(self.store)
        policy = Policy()
        policy.follow(self.store)
        self._authorizer = Authorizer(policy)
        self._registry = Registry(clock, self.kinds, self.store, generator, admission, addresses, self._authorizer)
        self._registry.hooks.follow(self.store)
        self.hub = WatchHub(self.store, clock.now)
        self._upkeep = Upkeep(self.store, clock)
        self.tokens = Credentials(clock, self.store, generator)
        self._services = Services(self._registry, self.hub, self.tokens, self._authorizer, Moulds(self.store))
        self.faults = Board()
        self.gate = ApiGate(self.faults, self.hub, self.store)
        self.backends: Backends | None = None
        self.requests = RequestMetrics()
        self._started_at = 0.0
        self._documents = documents.Documents(self.kinds)
        Definitions(self.store, self.kinds, self._registry.stamp, made)

    def need_accounts(self) -> None:
        """Refuse pods in namespaces without their default account, now that a controller makes it."""
        self._registry.accounts_needed = True

    def fork(self, clock: Clock | None = None) -> ApiServer:
        """Return an independent server in the same state, which nobody watches yet; it draws the same names next."""
        custom = [kind for kind in self.kinds.all() if kind.custom]
        forked = ApiServer(clock or self.clock, self._all_kinds, self.store.fork(), webhooks=self.webhooks, made=custom)
        forked._random.setstate(self._random.getstate())
        forked.tokens.learn(self.tokens)
        forked.faults.now = self.faults.now
        forked._upkeep.resume_from(self._upkeep)
        return forked

    def bootstrap(self) -> None:
        """Create the roles and bindings that an API server makes at its start; their namespaces must be there."""
        self._started_at = self.clock.now()
        self._registry.user = ADMIN
        bootstrap.install(self._registry)

    def event_writes(self) -> EventWrites:
        """Return what writes Events here without a request for each."""
        return EventWrites(self.store, self._registry.new_uid, self.clock.now)

    def pod_updates(self) -> PodUpdates:
        """Return what updates pods here without a request for each."""
        return PodUpdates(self.store, self.clock.now)

    def answering(self, user: User) -> AnsweringOne:
        """Return this server as it is to one user: for clients in this process."""
        return AnsweringOne(self, user)

    async def handle(self, request: Request, user: User = ADMIN) -> Response:
        """Answer a request of an authenticated user; what it refuses is an answer too.

        Raises ConnectionResetError where a fault wants the connection cut.
        """
        self._upkeep.wake()
        if self.faults.now.on_clients:
            return await self.gate.through(request, user, lambda: self._handle(request, user))
        response = await self._handle(request, user)
        if isinstance(response.stream, WatchStream):
            self.gate.note(response.stream, request, user)
        return response

    async def _handle(self, request: Request, user: User) -> Response:
        """Run a request until every answer of webhooks that it needs is known: each time anew, with the same draws."""
        if self._registry.hooks.none:
            self._registry.memory = None
            return self._run(request, user)
        memory = Memory(self.clock.now())
        for _ in range(_MOST_RUNS):
            try:
                with self._random.repeating(memory.draws):
                    self._registry.memory = memory
                    return self._run(request, user)
            except Unanswered as missing:
                await memory.learn(missing.questions, self._transport(), self._registry.new_uid)
        error = status.timed_out()
        return document(error.body(), error.code)

    def _transport(self) -> WebhookTransport:
        outages = self.faults.now.on_webhooks
        return Outages(outages, self.webhooks) if outages else self.webhooks

    def _run(self, request: Request, user: User) -> Response:
        """Answer a request without waiting; raises Unanswered when a webhook must be asked first."""
        warnings: list[str] = []
        self._registry.warnings = warnings
        try:
            user = self._registry.user = admitted(request, user, self._authorizer)
            response = self._answer(request, user)
        except status.StatusError as error:
            response = document(error.body(), error.code)
        if wants_yaml(request.headers.get("accept", "")) and request.path.startswith("/api"):
            response = in_yaml(response)
        return _with_warnings(response, warnings) if warnings else response

    def _answer(self, request: Request, user: User) -> Response:
        route = parse_route(request.path)
        if route is not None:
            kind = self.kinds.lookup(route.group, route.version, route.plural)
            if kind is not None:
                return self._resource(request, route, kind, user)
        if request.path == "/metrics" and request.method in {"GET", "HEAD"}:
            text = self.requests.metrics(self.kinds, self.store, self._started_at)
            return Response(200, {"content-type": CONTENT_TYPE}, text.encode())
        answer = self._documents.answer(request)
        if answer is not None:
            return answer
        if route is not None:
            self._refuse_unmodelled(route)
        if request.path.startswith("/openapi/v3/"):
            return Response(404)
        known = {kind.group for kind in self._all_kinds.all()}
        if request.path.startswith("/version/") or group_below(request.path) in known:
            raise status.no_such_resource()
        return plain("404 page not found\n", 404)

    def _resource(self, request: Request, route: Route, kind: KindInfo, user: User) -> Response:
        if kind.namespaced != bool(route.namespace) and not (
            kind.namespaced and not route.name and request.method == "GET"
        ):
            if kind.namespaced and not route.name:
                raise status.method_not_allowed()
            raise status.no_such_resource()
        if kind.deprecation:
            self._registry.warnings.append(kind.deprecation)
        call = Call(
            services=self._services,
            method=request.method,
            kind=kind,
            namespace=route.namespace,
            name=route.name,
            subresource=route.subresource,
            query=request.query,
            headers=request.headers,
            body=request.body,
            user=user,
        )
        if self.backends is not None:
            if route.subresource == _PROXY and kind.subresource(_PROXY) is not None:
                return self.backends.proxied(kind, route, request)
            answer = self.backends.aggregated(call)
            if answer is not None:
                return answer
        verb = _verb(call)
        if verb is None:
            raise status.method_not_allowed()
        return verb(call)

    def _refuse_unmodelled(self, route: Route) -> None:
        """Say of what a real server has and the twin has not that this is so."""
        if self._all_kinds.lookup(route.group, route.version, route.plural) is None:
            return
        for name in (route.plural, route.group, f"{route.group}/{route.version}"):
            if name in NOT_MODELLED:
                raise status.not_modelled(NOT_MODELLED[name])
        raise status.not_modelled(f"{status.qualified(route.group, route.plural)} in {route.version}")


@dataclass(frozen=True, slots=True)
class AnsweringOne:
    """A server that takes each request to be of one user."""

    server: ApiServer
    user: User

    async def handle(self, request: Request) -> Response:
        """Answer a request of the user's."""
        return await self.server.handle(request, self.user)


def modelled_kinds(kinds: KindTable) -> list[KindInfo]:
    """Return the kinds that the twin serves of those that a real server has."""
    return [kind for kind in kinds.all() if _is_modelled(kind)]


def _is_modelled(kind: KindInfo) -> bool:
    resource = (kind.group, kind.plural)
    return (resource in ACTED_ON or resource in KEPT_ONLY) and kind.version in {"v1", "v2"} and not _is_old(kind)


def _is_old(kind: KindInfo) -> bool:
    return f"{kind.group}/{kind.version}" in NOT_MODELLED


def _verb(call: Call) -> Verb | None:
    """Choose what answers a call; None when the resource has no such verb."""
    kind = call.kind
    if reviews.is_review(kind.kind) and not kind.custom:
        return reviews.review if call.method == "POST" and not call.name else None
    if call.subresource:
        named = f"{kind.plural}/{call.subresource}"
        if named in NOT_MODELLED and not kind.custom:
            raise status.not_modelled(NOT_MODELLED[named])
        if kind.subresource(call.subresource) is None:
            raise status.no_such_resource()
        return _SUBRESOURCES.get(call.subresource, {}).get(call.method)
    if not call.name:
        if call.method == "DELETE" and "deletecollection" not in kind.verbs:
            return None
        return _COLLECTION.get(call.method)
    return _OBJECT.get(call.method)


def _with_warnings(response: Response, warnings: list[str]) -> Response:
    quoted = (warning.replace("\\", "\\\\").replace('"', '\\"') for warning in dict.fromkeys(warnings))
    header = ", ".join(f'299 - "{text}"' for text in quoted)
    return msgspec.structs.replace(response, headers={**response.headers, "warning": header})
