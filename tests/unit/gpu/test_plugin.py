"""The device plugin against a kubelet's side of the API, over real gRPC on unix sockets."""

import asyncio
import queue
import tempfile
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path

import grpc
import pytest
from msgspec.structs import replace

from kubewright.api.core import NODES
from kubewright.api.meta import ObjectKey
from kubewright.api.nodeagent import QUARANTINED
from kubewright.clock import Clock
from kubewright.devices.requests import GIVEN, GPU
from kubewright.gpu import plugin
from kubewright.gpu.agent import run_agent
from kubewright.gpu.driver import Gpu, XidError
from kubewright.gpu.messages import DEVICE_PLUGIN, REGISTRATION, messages
from kubewright.gpu.plugin import KUBELET_SOCKET, DevicePlugin
from kubewright.twin.cluster import Twin
from tests.unit.placement.build import pod

LIMIT_SECONDS = 60


class SimulatedDriver:
    def __init__(self):
        self.reported = queue.Queue()

    def gpus(self):
        return [Gpu(number, f"GPU-{number}", "NVIDIA-A100-SXM4-40GB", 40_960, number // 2) for number in range(4)]

    def processes(self):
        return []

    def errors(self, timeout_seconds):
        try:
            return [self.reported.get(timeout=timeout_seconds)]
        except queue.Empty:
            return []


class FakeKubelet:
    """Takes registrations, and asks plugins as a kubelet does."""

    def __init__(self, directory):
        self.directory = directory
        self.registered = asyncio.Queue()

    async def start(self):
        kinds = messages()
        self.server = grpc.aio.server()

        async def register(request, _):
            await self.registered.put(request)
            return kinds["Empty"]()

        handler = grpc.unary_unary_rpc_method_handler(
            register, kinds["RegisterRequest"].FromString, lambda message: message.SerializeToString()
        )
        self.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(REGISTRATION, {"Register": handler}),)
        )
        self.server.add_insecure_port(f"unix:{self.directory / KUBELET_SOCKET}")
        await self.server.start()

    async def restart(self):
        await self.server.stop(None)
        for socket in self.directory.iterdir():
            socket.unlink(missing_ok=True)
        await self.start()

    @asynccontextmanager
    async def plugin(self):
        request = await self.registered.get()
        async with grpc.aio.insecure_channel(f"unix:{self.directory / request.endpoint}") as channel:
            yield request, channel

    async def told(self):
        """What the next plugin says that is there: one whose socket the restart took away registers again."""
        while True:
            async with self.plugin() as (_, channel):
                with suppress(grpc.aio.AioRpcError):
                    return await anext(aiter(watch(channel)))


def unary(channel, method, answer):
    return channel.unary_unary(
        f"/{DEVICE_PLUGIN}/{method}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=messages()[answer].FromString,
    )


def watch(channel):
    call = channel.unary_stream(
        f"/{DEVICE_PLUGIN}/ListAndWatch",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=messages()["ListAndWatchResponse"].FromString,
    )
    return call(messages()["Empty"]())


async def allocate(channel, *uuids):
    kinds = messages()
    request = kinds["AllocateRequest"]()
    request.container_requests.add(devices_ids=uuids)
    answer = await unary(channel, "Allocate", "AllocateResponse")(request)
    (given,) = answer.container_responses
    assert [each.name for each in given.cdi_devices] == [
        f"nvidia.com/gpu={uuid}" for uuid in given.envs[0].value.split(",")
    ]
    return {pair.key: pair.value for pair in given.envs}


def told(name, given, count):
    made = pod(name, on="a", requests={GPU: str(count)})
    return replace(made, metadata=replace(made.metadata, annotations={GIVEN: given}))


def live(day, pods=()):
    async def run():
        # A path to a socket must be short.
        with tempfile.TemporaryDirectory(prefix="kw") as directory:
            kubelet, driver = FakeKubelet(Path(directory)), SimulatedDriver()
            await kubelet.start()
            plugin = DevicePlugin(driver, GPU, lambda: pods, Path(directory))
            kubelet.asked = plugin
            running = asyncio.get_running_loop().create_task(plugin.run())
            try:
                async with asyncio.timeout(LIMIT_SECONDS):
                    await day(kubelet, driver)
            finally:
                running.cancel()
                await asyncio.wait([running])
                await kubelet.server.stop(None)

    asyncio.run(run())


def test_it_registers_and_tells_of_all_gpus_with_their_numa_nodes():
    async def day(kubelet, _):
        async with kubelet.plugin() as (request, channel):
            assert (request.version, request.resource_name) == ("v1beta1", GPU)
            assert request.options.get_preferred_allocation_available
            answer = await anext(aiter(watch(channel)))
            told_of = [(each.ID, each.health, each.topology.nodes[0].ID) for each in answer.devices]
            assert told_of == [(f"GPU-{number}", "Healthy", number // 2) for number in range(4)]

    live(day)


def test_a_container_is_given_what_the_scheduler_wrote_and_not_what_the_kubelet_picked():
    async def day(kubelet, _):
        async with kubelet.plugin() as (_, channel):
            kinds = messages()
            asked = kinds["PreferredAllocationRequest"]()
            asked.container_requests.add(available_deviceIDs=[f"GPU-{n}" for n in range(4)], allocation_size=2)
            answer = await unary(channel, "GetPreferredAllocation", "PreferredAllocationResponse")(asked)
            assert sorted(answer.container_responses[0].deviceIDs) == ["GPU-1", "GPU-3"]
            assert await allocate(channel, "GPU-0", "GPU-2") == {"NVIDIA_VISIBLE_DEVICES": "GPU-1,GPU-3"}
            assert await allocate(channel, "GPU-0", "GPU-2") == {"NVIDIA_VISIBLE_DEVICES": "GPU-0,GPU-2"}

    live(day, [told("p", "1,3", 2)])


def test_a_gpu_that_reports_an_error_of_its_own_is_unhealthy_and_not_given():
    async def day(kubelet, driver):
        async with kubelet.plugin() as (_, channel):
            answers = aiter(watch(channel))
            await anext(answers)
            driver.reported.put(XidError("GPU-1", 31))
            driver.reported.put(XidError("GPU-2", 79))
            answer = await anext(answers)
            assert [each.health for each in answer.devices] == ["Healthy", "Healthy", "Unhealthy", "Healthy"]
            with pytest.raises(grpc.aio.AioRpcError, match=r"GPU-2 of nvidia\.com/gpu is not there or not healthy"):
                await allocate(channel, "GPU-2")
            assert await allocate(channel, "GPU-1") == {"NVIDIA_VISIBLE_DEVICES": "GPU-1"}

    live(day)


def test_a_gpu_that_is_put_out_of_use_is_unhealthy_until_it_is_put_back():
    async def day(kubelet, driver):
        async with kubelet.plugin() as (_, channel):
            answers = aiter(watch(channel))
            await anext(answers)
            for numbers, health in (((0, 9), "Unhealthy"), ((), "Healthy")):
                await kubelet.asked.put_out_of_use(numbers)
                answer = await anext(answers)
                assert [each.health for each in answer.devices] == [health, *["Healthy"] * 3]
            driver.reported.put(XidError("GPU-0", 79))
            await anext(answers)
            await kubelet.asked.put_out_of_use(())
            with pytest.raises(grpc.aio.AioRpcError, match="GPU-0"):
                await allocate(channel, "GPU-0")

    live(day)


def test_the_agent_obeys_what_its_node_says():
    async def day():
        with tempfile.TemporaryDirectory(prefix="kw") as directory:
            kubelet = FakeKubelet(Path(directory))
            await kubelet.start()
            async with asyncio.timeout(LIMIT_SECONDS), Twin(Clock.wall(), nodes=1) as twin:
                agent = run_agent(
                    twin.client(), SimulatedDriver(), node="node-01", resource=GPU, directory=kubelet.directory
                )
                running = asyncio.get_running_loop().create_task(agent)
                async with kubelet.plugin() as (_, channel):
                    answers = aiter(watch(channel))
                    await anext(answers)
                    notes = {"metadata": {"annotations": {QUARANTINED: "1"}}}
                    await twin.client().patch(NODES, ObjectKey("", "node-01"), notes)
                    answer = await anext(answers)
                    assert [each.health for each in answer.devices].index("Unhealthy") == 1
                running.cancel()
                await asyncio.wait([running])
            await kubelet.server.stop(None)

    asyncio.run(day())


def test_it_registers_again_with_a_kubelet_that_began_anew():
    async def day(kubelet, _):
        async with kubelet.plugin():
            pass
        await kubelet.restart()
        assert len((await kubelet.told()).devices) == 4

    live(day)


class LostDriver(SimulatedDriver):
    """One that does not wait for errors, as with a GPU that is lost."""

    def __init__(self, loop):
        super().__init__()
        self.loop, self.asked_at, self.enough = loop, [], asyncio.Event()

    def errors(self, timeout_seconds):
        self.asked_at.append(self.loop.time())
        if len(self.asked_at) == 3:
            self.loop.call_soon_threadsafe(self.enough.set)
        return []


async def test_a_driver_that_does_not_wait_is_not_asked_without_end(monkeypatch, tmp_path):
    monkeypatch.setattr(plugin, "_LOOK_SECONDS", 0.2)
    driver = LostDriver(asyncio.get_running_loop())
    async with asyncio.timeout(LIMIT_SECONDS), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(DevicePlugin(driver, GPU, list, tmp_path).run())
        await driver.enough.wait()
        running.cancel()
    assert all(later - earlier >= 0.19 for earlier, later in pairwise(driver.asked_at[:3]))
