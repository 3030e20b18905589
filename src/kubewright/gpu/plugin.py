"""The device plugin: a gRPC server beside the kubelet's socket, registered with it, and again when it restarts.

A restarted kubelet removes all sockets of its directory and makes its own anew; the plugin sees that by the file and
begins again. GPUs that report errors of their own are told to the kubelet as unhealthy, and stay so until the agent
starts anew: a GPU that failed is not trusted because it fell silent. Those that the Node's annotation puts out of use
(`api.nodeagent.QUARANTINED`) are, too, as long as it says so: others see what the driver does not report.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from kubewright.api.core import Pod
from kubewright.gpu.driver import DeviceDriver
from kubewright.gpu.messages import DEVICE_PLUGIN, REGISTRATION, VERSION, grpc, messages
from kubewright.gpu.turns import Turn, next_turn, prefer, turns

_log = logging.getLogger(__name__)

KUBELET_SOCKET = "kubelet.sock"
_LOOK_SECONDS = 1.0
_REGISTER_SECONDS = 10.0
_MOST_PODS = 1024
_VISIBLE = "NVIDIA_VISIBLE_DEVICES"


class DevicePlugin:
    """One resource of one node."""

    def __init__(self, driver: DeviceDriver, resource: str, pods: Callable[[], Iterable[Pod]], directory: Path) -> None:
        """Take the hardware, the resource's name, the pods of this node as known, and the kubelet's directory."""
        self._driver = driver
        self._resource = resource
        self._pods = pods
        self._directory = directory
        self._endpoint = f"kubewright-{resource.replace('/', '-')}.sock"
        self._gpus = {gpu.number: gpu for gpu in driver.gpus()}
        self._failed: set[str] = set()
        self._out_of_use: frozenset[str] = frozenset()
        self._changed = asyncio.Condition()
        self._served: dict[tuple[str, str], None] = {}

    @property
    def _unhealthy(self) -> set[str]:
        return self._failed.union(self._out_of_use)

    async def put_out_of_use(self, numbers: Collection[int]) -> None:
        """Give these GPUs out no more, and others that were out of use again."""
        out_of_use = frozenset(gpu.uuid for number, gpu in self._gpus.items() if number in numbers)
        if out_of_use != self._out_of_use:
            _log.warning("GPUs %s are out of use", sorted(numbers) or "none")
            async with self._changed:
                self._out_of_use = out_of_use
                self._changed.notify_all()

    async def run(self) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_health())
            while True:
                await self._serve_one_kubelet()

    async def _serve_one_kubelet(self) -> None:
        """Serve and be registered, until the kubelet is another one."""
        kubelet = self._directory / KUBELET_SOCKET
        while (identity := _identity(kubelet)) is None:  # noqa: ASYNC110  a file has no event to wait for
            await asyncio.sleep(_LOOK_SECONDS)
        own = self._directory / self._endpoint
        own.unlink(missing_ok=True)
        server = grpc().aio.server()
        server.add_generic_rpc_handlers((self._handlers(),))
        server.add_insecure_port(f"unix:{own}")
        await server.start()
        try:
            await self._register(kubelet)
            while _identity(kubelet) == identity and own.exists():  # noqa: ASYNC110  as above
                await asyncio.sleep(_LOOK_SECONDS)
            _log.info("the kubelet began anew; registering %s again", self._resource)
        except grpc().aio.AioRpcError as error:
            _log.warning("the kubelet does not take %s: %s", self._resource, error.details())
            await asyncio.sleep(_LOOK_SECONDS)
        finally:
            await server.stop(None)

    async def _register(self, kubelet: Path) -> None:
        kinds = messages()
        request = kinds["RegisterRequest"](
            version=VERSION,
            endpoint=self._endpoint,
            resource_name=self._resource,
            options=kinds["DevicePluginOptions"](get_preferred_allocation_available=True),
        )
        async with grpc().aio.insecure_channel(f"unix:{kubelet}") as channel:
            call = channel.unary_unary(
                f"/{REGISTRATION}/Register",
                request_serializer=kinds["RegisterRequest"].SerializeToString,
                response_deserializer=kinds["Empty"].FromString,
            )
            await call(request, timeout=_REGISTER_SECONDS)

    def _handlers(self) -> Any:
        kinds, rpc = messages(), grpc()

        def unary(method: Any, asked: str) -> Any:
            return rpc.unary_unary_rpc_method_handler(
                method,
                request_deserializer=kinds[asked].FromString,
                response_serializer=_to_wire,
            )

        return rpc.method_handlers_generic_handler(
            DEVICE_PLUGIN,
            {
                "GetDevicePluginOptions": unary(self._options, "Empty"),
                "GetPreferredAllocation": unary(self._preferred, "PreferredAllocationRequest"),
                "Allocate": unary(self._allocate, "AllocateRequest"),
                "PreStartContainer": unary(self._pre_start, "PreStartContainerRequest"),
                "ListAndWatch": rpc.unary_stream_rpc_method_handler(
                    self._list_and_watch,
                    request_deserializer=kinds["Empty"].FromString,
                    response_serializer=_to_wire,
                ),
            },
        )

    async def _options(self, request: Any, context: Any) -> Any:
        del request, context
        return messages()["DevicePluginOptions"](get_preferred_allocation_available=True)

    async def _pre_start(self, request: Any, context: Any) -> Any:
        del request, context
        return messages()["PreStartContainerResponse"]()

    async def _list_and_watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        """Tell the devices, and again whenever one's health changed."""
        del request, context
        while True:
            unhealthy = self._unhealthy
            yield self._devices(unhealthy)
            async with self._changed:
                await self._changed.wait_for(lambda told=unhealthy: self._unhealthy != told)

    def _devices(self, unhealthy: set[str]) -> Any:
        kinds = messages()
        devices: list[Any] = []
        for gpu in self._gpus.values():
            device = kinds["Device"](ID=gpu.uuid, health="Unhealthy" if gpu.uuid in unhealthy else "Healthy")
            if gpu.numa is not None:
                device.topology.nodes.add(ID=gpu.numa)
            devices.append(device)
        return kinds["ListAndWatchResponse"](devices=devices)

    async def _preferred(self, request: Any, context: Any) -> Any:
        del context
        kinds, waiting = messages(), self._waiting()
        answer = kinds["PreferredAllocationResponse"]()
        for asked in request.container_requests:
            turn = next_turn(waiting, asked.allocation_size, self._gpus)
            available, must = list(asked.available_deviceIDs), list(asked.must_include_deviceIDs)
            chosen = prefer(turn, available, must, asked.allocation_size, tuple(self._gpus.values()))
            answer.container_responses.add(deviceIDs=chosen)
        return answer

    async def _allocate(self, request: Any, context: Any) -> Any:
        """Give what the scheduler wrote; where nobody wrote anything, what the kubelet picked."""
        by_uuid = {gpu.uuid: gpu for gpu in self._gpus.values()}
        answer = messages()["AllocateResponse"]()
        for asked in request.container_requests:
            picked = list(asked.devices_ids)
            turn = next_turn(self._waiting(), len(picked), self._gpus)
            uuids = [self._gpus[number].uuid for number in turn.gpus] if turn else picked
            unusable = [each for each in uuids if each not in by_uuid or each in self._unhealthy]
            if unusable:
                detail = f"{', '.join(unusable)} of {self._resource} is not there or not healthy"
                await context.abort(grpc().StatusCode.FAILED_PRECONDITION, detail)
            self._serve(turn)
            given = answer.container_responses.add()
            given.envs.add(key=_VISIBLE, value=",".join(uuids))
            for each in uuids:
                given.cdi_devices.add(name=f"nvidia.com/gpu={each}")
        return answer

    def _waiting(self) -> list[Turn]:
        return turns(self._pods(), self._resource, self._served.keys())

    def _serve(self, turn: Turn | None) -> None:
        if turn is not None:
            self._served[turn.uid, turn.container] = None
            if len(self._served) > _MOST_PODS:
                del self._served[next(iter(self._served))]

    async def _watch_health(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began_at = loop.time()
            reported = await asyncio.to_thread(self._driver.errors, _LOOK_SECONDS)
            for error in reported:
                if error.is_of_the_gpu and error.uuid not in self._failed:
                    _log.warning("GPU %s reported XID %d and is given out no more", error.uuid, error.xid)
                    async with self._changed:
                        self._failed.add(error.uuid)
                        self._changed.notify_all()
            if not reported:
                # With a GPU that is lost the driver does not wait: it fails at once, each time.
                await asyncio.sleep(began_at + _LOOK_SECONDS - loop.time())


def _to_wire(message: Any) -> bytes:
    return message.SerializeToString()


def _identity(socket: Path) -> tuple[int, int] | None:
    try:
        found = socket.stat()
    except OSError:
        return None
    return found.st_ino, found.st_ctime_ns
