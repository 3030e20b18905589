"""The controller of AppServices on a server that refuses some of what it writes."""

import asyncio

import msgspec

from kubewright.api.core import NAMESPACES
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.client.transport import Response
from kubewright.clock import Clock, run_virtual
from kubewright.runtime.events import EventRecorder
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer
from kubewright.workloads.controller import app_services

APP = {"metadata": {"name": "web", "namespace": "default"}, "spec": {"image": "web:1"}}


class RefusesStatus:
    """A way to the server on which no status of an AppService is let through; counts the tries."""

    def __init__(self, inner):
        self._inner = inner
        self.tries = 0

    async def send(self, request, *, stream=False):
        if request.method == "PATCH" and request.path.endswith("/appservices/web/status"):
            self.tries += 1
            status = {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "not this one"}
            return Response(403, {"content-type": "application/json"}, msgspec.json.encode(status))
        return await self._inner.send(request, stream=stream)

    async def close(self):
        await self._inner.close()


def test_a_status_that_is_refused_is_not_told_of_in_the_status_that_was_refused(caplog):
    async def main():
        server = InProcessTransport(ApiServer(Clock.virtual(), KindTable.builtin()))
        refusing = RefusesStatus(server)
        client = RestClient(refusing)
        await client.create(NAMESPACES, {"metadata": {"name": "default"}})
        operator = app_services(client, Clock.virtual(), EventRecorder(client, Clock.virtual(), "test"))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(operator.run())
            await asyncio.sleep(5)
            await client.create(APP_SERVICES, APP)
            await asyncio.sleep(5)
            running.cancel()
        turns = [record for record in caplog.records if "not this one" in record.getMessage()]
        assert refusing.tries == len(turns) > 0

    run_virtual(main())
