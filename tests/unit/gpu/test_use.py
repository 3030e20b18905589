"""Who uses which GPU, and how much: over the kubelet's real API, with a simulated driver and a /proc of files."""

import asyncio
import tempfile
from pathlib import Path

import grpc
import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from kubewright.api.meta import ObjectKey
from kubewright.devices.requests import CORES, GIVEN, GPU
from kubewright.gpu.driver import Gpu, Process
from kubewright.gpu.messages import POD_RESOURCES, POD_RESOURCES_VERSION, messages
from kubewright.gpu.metering import Meter
from kubewright.gpu.use import Holding, pod_in, use
from tests.unit.placement.build import pod

GPUS = [Gpu(number, f"GPU-{number}", "NVIDIA-A100-SXM4-40GB", 40_960) for number in range(2)]
MIB = 1024**2
UIDS = {name: f"0000000{number}-0000-0000-0000-000000000000" for number, name in enumerate("abc")}


def user(name, given="", **requests):
    made = pod(name, on="n", requests={key.replace("_", "/"): each for key, each in requests.items()})
    notes = {GIVEN: given} if given else {}
    return replace(made, metadata=replace(made.metadata, uid=UIDS[name], annotations=notes))


def holding(name, *devices):
    return Holding(ObjectKey("default", name), "c", devices)


def shown(found):
    return [
        (each.gpu.number, each.pod.name, each.sm_percent, each.memory_bytes // MIB, each.processes) for each in found
    ]


def test_a_gpu_of_one_container_is_its_own_whoever_runs_there():
    processes = [Process("GPU-0", 1, 10 * MIB, 30.0), Process("GPU-0", 2, 5 * MIB, 20.0)]
    found = use(GPUS, [holding("a", "GPU-0")], processes, [user("a")], lambda _: None)
    assert shown(found) == [(0, "a", 50.0, 15, 2)]


def test_on_a_shared_gpu_control_groups_tell_whose_a_process_is():
    processes = [Process("GPU-1", pid, pid * MIB, float(pid)) for pid in (1, 2, 3)]
    pods = [user("a"), user("b")]
    owner = {1: UIDS["a"], 2: UIDS["b"], 3: UIDS["c"]}
    held = [holding("a", "GPU-1::0"), holding("b", "GPU-1::3")]
    found = use(GPUS, held, processes, pods, owner.get)
    assert shown(found) == [(1, "a", 1.0, 1, 1), (1, "b", 2.0, 2, 1), (1, "", 3.0, 3, 1)]


def test_where_the_scheduler_chose_its_word_counts():
    found = use(GPUS, [holding("a", "GPU-0")], [Process("GPU-1", 1, MIB, 1.0)], [user("a", given="1")], lambda _: None)
    assert shown(found) == [(1, "a", 1.0, 1, 1)]


def test_a_container_that_does_nothing_is_told_and_so_is_what_belongs_to_nobody():
    found = use(GPUS, [holding("a", "GPU-0")], [Process("GPU-1", 1, MIB, 1.0)], [user("a")], lambda _: None)
    assert shown(found) == [(0, "a", 0.0, 0, 0), (1, "", 1.0, 1, 1)]


def test_the_share_is_what_the_pod_asked_for():
    pods = [user("a", **{GPU: "1"}), user("b", **{CORES: "25"})]
    found = use(GPUS, [holding("a", "GPU-0"), holding("b", "GPU-1")], [], pods, lambda _: None)
    assert [each.share for each in found] == [1.0, 0.25]


UID = "0a1b2c3d-0000-1111-2222-333344445555"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(f"0::/kubepods/burstable/pod{UID}/cri-1", UID, id="by the cgroupfs driver"),
        pytest.param(f"0::/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice/cri-1.scope", UID, id="by systemd"),
        pytest.param("0::/system.slice/sshd.service", None, id="no pod"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_a_control_group_names_the_pod(text, found):
    assert pod_in(text) == found


class Driver:
    def gpus(self):
        return GPUS

    def errors(self, timeout_seconds):
        return []

    def processes(self):
        return [Process("GPU-1", 7, 3 * MIB, 40.0), Process("GPU-1", 8, MIB, 5.0)]


async def serve(socket):
    kinds = messages(POD_RESOURCES_VERSION)

    async def listed(_request, _context):
        answer = kinds["ListPodResourcesResponse"]()
        for name in "ab":
            container = answer.pod_resources.add(name=name, namespace="default").containers.add(name="c")
            container.devices.add(resource_name=GPU, device_ids=["GPU-1"])
            container.devices.add(resource_name="example.com/other", device_ids=["x"])
        return answer

    handler = grpc.unary_unary_rpc_method_handler(
        listed, kinds["ListPodResourcesRequest"].FromString, lambda message: message.SerializeToString()
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(POD_RESOURCES, {"List": handler}),))
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    return server


def test_the_meter_shows_each_pod_on_a_shared_gpu_and_nothing_once_the_kubelet_is_gone():
    async def main(directory):
        for pid, name in ((7, "a"), (8, "b")):
            (directory / str(pid)).mkdir()
            (directory / str(pid) / "cgroup").write_text(f"0::/kubepods/pod{UIDS[name]}/x\n")
        registry = CollectorRegistry()
        pods = [user("a"), user("b")]
        socket = directory / "k.sock"
        meter = Meter(Driver(), GPU, lambda: pods, "n", socket=socket, proc=directory)
        registry.register(meter)
        server = await serve(socket)
        await meter.measure()

        def figure(name, pod):
            device = {"gpu": "1", "UUID": "GPU-1", "device": "nvidia1", "modelName": GPUS[1].model, "Hostname": "n"}
            labels = {**device, "namespace": "default", "pod": pod, "container": "c"}
            return registry.get_sample_value(f"kubewright_gpu_pod_{name}", labels)

        assert [figure("sm_utilization", each) for each in "ab"] == [40.0, 5.0]
        assert [figure("memory_used_bytes", each) for each in "ab"] == [3 * MIB, MIB]
        await server.stop(None)
        await meter.measure()
        assert figure("sm_utilization", "a") is None

    with tempfile.TemporaryDirectory(prefix="kw") as directory:
        asyncio.run(main(Path(directory)))
