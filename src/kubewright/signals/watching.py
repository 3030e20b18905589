"""The API's own signals: watches nodes, leases, pods, deployments and warnings, and takes in what they tell of faults.

No scrape is waited for and no rule: a change is judged when the watch brings it, and again when time alone makes it a
signal or ends it. `service.py` runs it beside the receiver of alerts; both fill one `Standing`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from kubewright.api.apps import DEPLOYMENTS, Deployment
from kubewright.api.coordination import LEASES, Lease
from kubewright.api.core import EVENTS, NODES, Node
from kubewright.api.meta import EMPTY, ObjectKey
from kubewright.api.nodeagent import Neighbourhood, node_of
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.runtime.controller import Controller, Done, RequeueAfter
from kubewright.runtime.informer import Change, Informer
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.workqueue import WorkQueue
from kubewright.signals.agents import Agents
from kubewright.signals.intake import take_in
from kubewright.signals.leases import Leases
from kubewright.signals.nodes import of_node
from kubewright.signals.others import OF_NOTE, of_deployment, of_event
from kubewright.signals.pods import SEEN_PODS, of_pod
from kubewright.signals.signal import STALE_SECONDS, Signal, Standing
from kubewright.signals.signs import Holding, Sign, at
from kubewright.signals.suspects import Reach, Suspect, Suspects

Sight: TypeAlias = tuple[str, ObjectKey]
"""A kind's plural and an object."""
NODE_LEASES = "kube-node-lease"
_LOOK_SECONDS = 1.0
_NO_ROOM_SECONDS = 30.0
_AGAIN_SECONDS = STALE_SECONDS / 2
"""What still holds is said again, or it would be forgotten."""


class ApiSignals:
    """Feeds `standing`; `tell` is called with the key of each signal that is news."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        standing: Standing,
        tell: Callable[[str], None],
        *,
        metrics: RuntimeMetrics | None = None,
        reach: Reach | None = None,
        followed: Mapping[str, Informer[Any]] = EMPTY,
    ) -> None:
        """Put it together; with `reach` nodes that fall silent are asked after.

        `followed` are caches that somebody else runs, by their kinds' plurals: only of the others it has its own.
        """
        self._clock = clock
        self.agents = Agents()
        """What the nodes' agents say."""
        self._neighbourhood: Neighbourhood | None = None
        self._standing = standing
        self._tell = tell
        self._nodes: Informer[Node] = followed.get(NODES.plural) or Informer(client, NODES)
        self._pods: Informer[Any] = followed.get(SEEN_PODS.plural) or Informer(client, SEEN_PODS)
        self._deployments: Informer[Deployment] = followed.get(DEPLOYMENTS.plural) or Informer(client, DEPLOYMENTS)
        self._events = Informer(client, EVENTS, field_selector="type=Warning")
        self._leases = Informer(client, LEASES)
        self._own = [each for each in self._informers if each not in followed.values()]
        self._heard = Leases()
        self._holding: dict[Sight, Holding] = {}
        self._queue: WorkQueue[Sight] = WorkQueue("signals", metrics=metrics)
        self._controller: Controller[Sight] = Controller("signals", self, self._queue, metrics=metrics)
        for informer in (self._nodes, self._pods, self._deployments, self._events):
            informer.add_handler(self._on_change(informer.resource.plural))
        self._leases.add_handler(self._on_lease)
        self._nodes.add_handler(self._on_node)
        self._suspects = Suspects(clock, reach, self._known_of, self.agents, self._take) if reach is not None else None

    @property
    def _informers(self) -> tuple[Informer[Any], ...]:
        return self._nodes, self._pods, self._deployments, self._events, self._leases

    @property
    def synced(self) -> bool:
        """Whether it has seen the cluster."""
        return all(each.synced for each in self._informers)

    @property
    def settled(self) -> bool:
        """Whether it has judged all that it has seen."""
        return self.synced and self._queue.idle

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for each in self._own:
                tasks.create_task(each.run())
            tasks.create_task(self._controller.run())
            tasks.create_task(self._listen())
            if self._suspects is not None:
                tasks.create_task(self._suspects.run())

    @property
    def neighbourhood(self) -> Neighbourhood:
        """Who looks at whom, among the nodes as they are."""
        if self._neighbourhood is None:
            self._neighbourhood = Neighbourhood.of(self._nodes.index.values())
        return self._neighbourhood

    def _on_node(self, change: Change[Node]) -> None:
        old, new = change.old, change.new
        if old is None or new is None or old.internal_ip != new.internal_ip:
            self._neighbourhood = None

    def _known_of(self) -> list[Suspect]:
        """Return the nodes that are silent."""
        found = ((self._nodes.index.get(ObjectKey("", name)), heard) for name, heard in self._heard.silent.items())
        return [
            Suspect(node, heard, self.neighbourhood.observers.get(node.metadata.name, ()))
            for node, heard in found
            if node is not None
        ]

    def _take(self, signals: Iterable[Signal]) -> None:
        """Take in what was found out."""
        take_in(self._standing, self._tell, signals)

    def _on_change(self, plural: str) -> Callable[[Change[Any]], None]:
        """Return a handler that has an object judged, if there is or was something to be said of it."""

        def on_change(change: Change[Any]) -> None:
            sight = plural, change.key
            if sight in self._holding or (change.new is not None and any(True for _ in self._signs(sight, change.new))):
                self._queue.add(sight)

        return on_change

    def _signs(self, sight: Sight, obj: Any) -> Iterable[Sign]:
        plural, key = sight
        if plural == NODES.plural:
            return of_node(obj, self._heard.silent.get(key.name), self._heard.silences(key.name))
        if plural == SEEN_PODS.plural:
            return of_pod(obj)
        if plural == DEPLOYMENTS.plural:
            return of_deployment(obj)
        return of_event(obj) if obj.reason in OF_NOTE else ()

    def _on_lease(self, change: Change[Lease]) -> None:
        old, new, (namespace, name) = change.old, change.new, change.key
        agent = node_of(change.key)
        if agent and new is None:
            self.agents.forget(agent)
        elif agent and new is not None:
            self.agents.hear(agent, new, self._clock.now())
        if new is None:
            if namespace == NODE_LEASES:
                self._heard.forget(name)
        elif old is not None and old.spec.renew_time == new.spec.renew_time:
            return
        elif namespace != NODE_LEASES:
            self._heard.hear_other(self._clock.now())
        elif self._heard.hear(name, self._clock.now()):
            self._queue.add((NODES.plural, ObjectKey("", name)))

    async def _listen(self) -> None:
        """Look every second who has not renewed its lease in time."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for name in self._heard.overdue(self._clock.now(), len(self._nodes.index)):
                self._queue.add((NODES.plural, ObjectKey("", name)))

    async def reconcile(self, key: Sight) -> Done | RequeueAfter:
        """Compare what is to be said of an object with what was said last, and take in what differs."""
        now = self._clock.now()
        informer = next(each for each in self._informers if each.resource.plural == key[0])
        obj = informer.index.get(key[1])
        before = self._holding.get(key) or Holding()
        found = at(self._signs(key, obj) if obj is not None else (), before.seen, now)
        ended = [replace(each, ended=True) for name, each in before.signals.items() if name not in found.signals]
        self._take([*ended, *found.signals.values()])
        without_room = [name for name in found.signals if self._standing.get(name) is None]
        for name in without_room:
            del found.signals[name]
        if found.seen or without_room:
            self._holding[key] = found
        else:
            self._holding.pop(key, None)
        moments = [each for each in (found.look_again_at,) if each is not None]
        moments += [now + _NO_ROOM_SECONDS] if without_room else []
        moments += [now + _AGAIN_SECONDS] if found.signals else []
        return RequeueAfter(max(0.0, min(moments) - now)) if moments else Done()
