"""`/debug/*` of a process whose controller runs on a twin's API server, asked as an ASGI server asks."""

import asyncio
import json
import time

import pytest

from kubewright.api.core import CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS
from kubewright.api.meta import ObjectKey, Resource
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.clock import Clock, run_virtual
from kubewright.runtime import Operator, RequeueAfter
from kubewright.runtime.diagnostics.app import DiagnosticsApp
from kubewright.runtime.diagnostics.gatekeeper import Gatekeeper
from kubewright.runtime.metered import MeteredTransport
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.traces import Traces
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer
from tests.timing import put_forward

READER = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "metadata": {"name": "debugger"},
    "rules": [{"nonResourceURLs": ["/debug/*"], "verbs": ["get"]}],
}
BINDING = {
    "metadata": {"name": "debugger"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "debugger"},
    "subjects": [{"kind": "ServiceAccount", "name": "allowed", "namespace": "default"}],
}
RBAC = "/apis/rbac.authorization.k8s.io/v1"


class Copies:
    """Annotates what it is asked about, once."""

    def __init__(self, operator):
        self.operator = operator

    async def reconcile(self, key):
        patch = {"metadata": {"annotations": {"seen": "yes"}}}
        await self.operator.client.patch(CONFIG_MAPS, key, patch)
        return RequeueAfter(60.0)


class Debugged:
    """The application under test, a token that may see it and one that may not."""

    def __init__(self, clock):
        self.server = ApiServer(clock, KindTable.builtin())
        self.admin = RestClient(InProcessTransport(self.server))
        self.traces = Traces()
        self.metrics = RuntimeMetrics(traces=self.traces)
        self.client = RestClient(MeteredTransport(InProcessTransport(self.server), self.metrics, "twin"))
        self.app = DiagnosticsApp(self._inner, Gatekeeper(self.client), self.traces)
        self.tokens = {"none": ""}

    @staticmethod
    async def _inner(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"health"})

    async def begin(self):
        await self.admin.create(NAMESPACES, {"metadata": {"name": "default"}})
        await self.admin.raw("POST", f"{RBAC}/clusterroles", body=READER)
        await self.admin.raw("POST", f"{RBAC}/clusterrolebindings", body=BINDING)
        for name in ("allowed", "other"):
            await self.admin.create(SERVICE_ACCOUNTS, {"metadata": {"name": name}}, namespace="default")
            path = f"/api/v1/namespaces/default/serviceaccounts/{name}/token"
            self.tokens[name] = (await self.admin.raw("POST", path, body={"spec": {}}))["status"]["token"]
        return self

    async def ask(self, path, who="allowed", method="GET"):
        path, _, query = path.partition("?")
        token = self.tokens.get(who, who)
        headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
        sent = []

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": headers}
        await self.app(scope, None, send)
        return sent[0]["status"], sent[1]["body"].decode()


def debugged(day, run=run_virtual, clock=Clock.virtual):
    async def main():
        return await day(await Debugged(clock()).begin())

    return run(main())


@pytest.mark.parametrize(("who", "status"), [("none", 401), ("forged", 401), ("other", 403), ("allowed", 200)], ids=str)
@pytest.mark.parametrize("path", ["/debug/", "/debug/tasks", "/debug/heap", "/debug/trace"])
def test_only_those_whom_the_cluster_lets_see_it_do(path, who, status):
    assert debugged(lambda app: app.ask(path, who))[0] == status


def test_health_is_for_everybody():
    assert debugged(lambda app: app.ask("/healthz", "none")) == (200, "health")


def test_who_cannot_be_asked_about_sees_nothing():
    async def day(app):
        async def cut(request, *, stream=False):
            raise ConnectionResetError

        app.server.handle = cut
        return await app.ask("/debug/tasks")

    assert debugged(day)[0] == 503


@pytest.mark.parametrize("query", ["seconds=0", "seconds=61", "seconds=soon", "seconds=nan", "seconds=1&format=pdf"])
def test_a_query_that_makes_no_sense_is_refused(query):
    assert debugged(lambda app: app.ask(f"/debug/profile?{query}"))[0] == 400


def test_nothing_is_changed_by_asking():
    assert debugged(lambda app: app.ask("/debug/tasks", method="POST"))[0] == 405
    assert debugged(lambda app: app.ask("/debug/other"))[0] == 404


def test_tasks_are_shown_with_where_they_wait():
    async def day(app):
        async def a_long_wait():
            await asyncio.sleep(1000)

        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(a_long_wait(), name="patient")
            await asyncio.sleep(0)
            _, said = await app.ask("/debug/tasks")
            waiting.cancel()
        return said

    said = debugged(day)
    assert "patient" in said
    assert "await asyncio.sleep(1000)" in said


def test_a_reconcile_is_shown_with_its_cause_its_requests_and_its_end():
    async def day(app):
        operator = Operator("copies", app.client, app.server.clock, metrics=app.metrics)
        maps = operator.informer(CONFIG_MAPS, label_selector="copied")
        operator.controller(maps, Copies(operator), name="copies", when=lambda change: change.old is None)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(operator.run())
            await asyncio.sleep(1)
            labelled = {"metadata": {"name": "a", "labels": {"copied": "yes"}}}
            await app.admin.create(CONFIG_MAPS, labelled, namespace="default")
            await asyncio.sleep(1)
            await app.admin.delete(CONFIG_MAPS, ObjectKey("default", "a"))
            await asyncio.sleep(61)
            found = json.loads((await app.ask("/debug/trace?controller=copies"))[1])
            other = json.loads((await app.ask("/debug/trace?key=other"))[1])
            running.cancel()
        return found, other

    found, other = debugged(day)
    again, first = found[-2:]
    target = Resource.target(CONFIG_MAPS, ObjectKey("default", "a"))
    assert first["causes"] == [f"{target} created"]
    assert first["requests"] == ["PATCH /api/v1/namespaces/default/configmaps/a -> 200"]
    assert first["outcome"] == "RequeueAfter(seconds=60.0)"
    assert "not_found" in again["outcome"].lower() or "not found" in again["outcome"].lower()
    assert other == []


def burn(seconds):
    """Use the processor for so many seconds of its own."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        sum(range(1000))


@pytest.mark.parametrize("form", ["text", "speedscope"])
def test_a_profile_shows_what_the_loop_spent_its_time_in(form):
    async def day(app):
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(app.ask(f"/debug/profile?seconds=60&format={form}"))
            while not app.app._busy.locked():  # noqa: ASYNC110
                await asyncio.sleep(0)
            busy = await app.ask("/debug/heap?seconds=1")
            burn(0.1)
            put_forward(60)
        return busy, await asked

    busy, (status, said) = debugged(day, asyncio.run, Clock.wall)
    assert busy[0] == 409
    assert status == 200
    assert "burn" in said
    if form == "speedscope":
        assert json.loads(said)["$schema"] == "https://www.speedscope.app/file-format-schema.json"


def test_the_heap_is_shown_by_type_and_by_what_it_grew():
    kept = []

    async def day(app):
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(app.ask("/debug/heap?seconds=1"))
            await asyncio.sleep(0.5)
            kept.append(bytearray(5_000_000))
        return await asked, await app.ask("/debug/heap")

    (_, grown), (_, by_type) = debugged(day)
    assert "test_debug.py" in grown.splitlines()[0]
    assert "dict" in by_type
