"""What the healer mends in the demo: a bad release, a lost GPU, a node that loses its power; and who suffers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from kubewright.api.batch import JOBS
from kubewright.api.core import Pod
from kubewright.api.crds.healingpolicy import ACT, HEALING_POLICIES
from kubewright.api.live import live_resource
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.cli.demo.faults import SOMEBODY, Fault, patch_deployment
from kubewright.cli.demo.world import NAMESPACE, World, until
from kubewright.drills.making import fault
from kubewright.twin.faults.fault import FAULTS as BROKEN
from kubewright.workloads.kinds import CHILD_DEPLOYMENTS

SEARCH, TRAINING = "search", "training"
REPLICAS = 3
GOOD, BAD = "example.com/search:1", "example.com/search:2"
_KEY = ObjectKey("", "demo")


async def deploy_patients(world: World) -> None:
    """Deploy a plain Deployment and a training Job on a GPU, and let the healer act; wait until they run."""
    policy = {"apiVersion": HEALING_POLICIES.api_version, "kind": HEALING_POLICIES.kind}
    policy |= {"metadata": {"name": _KEY.name}, "spec": {"mode": ACT}}
    await world.client.create(live_resource(HEALING_POLICIES), policy, field_manager=SOMEBODY)
    await world.client.create(CHILD_DEPLOYMENTS, _search(), namespace=NAMESPACE, field_manager=SOMEBODY)
    await world.client.create(live_resource(JOBS), _training(), namespace=NAMESPACE, field_manager=SOMEBODY)
    await until(lambda: _all_run(world))


async def release_badly(world: World) -> Callable[[], bool]:
    """Give the Deployment an image whose containers crash, a Fault of the twin."""
    await _break(world, "BadRelease", {"pods": {"images": [BAD]}}, badRelease={"mode": "Crash", "afterSeconds": 1})
    await patch_deployment(world, SEARCH, {"spec": {"template": {"spec": {"containers": [_container(BAD)]}}}})
    return lambda: _all_run(world)


async def lose_gpu(world: World) -> Callable[[], bool]:
    """Have the GPU under the training Job fall off the bus."""
    (pod,) = _running(world, TRAINING)
    await _break(world, "GpuXid", {"nodes": {"names": [pod.spec.node_name]}}, gpuXid={"code": 79})

    def mended() -> bool:
        return pod.key not in {each.key for each in _running(world, TRAINING)} and _all_run(world)

    return mended


async def cut_power(world: World) -> Callable[[], bool]:
    """Cut the power of the node that most of the shop runs on, of those without the training."""
    training = {pod.spec.node_name for pod in _running(world, TRAINING)}
    others = [name for _, name in world.nodes.index if name not in training]
    node = max(others, key=lambda name: len(world.pods_on(name)))
    await _break(world, "NodeDown", {"nodes": {"names": [node]}})
    return lambda: all(pod.is_terminating for pod in world.pods_on(node)) and world.all_ready() and _all_run(world)


async def take_back(world: World) -> None:
    """Take away what broke, as the people do who change the part; the bad image and the lost GPU are still the same."""
    await world.client.delete(BROKEN, _KEY)


async def _break(world: World, type_: str, target: Manifest, **parameters: Any) -> None:
    await world.client.create(BROKEN, fault(type_, target, name=_KEY.name, **parameters), field_manager=SOMEBODY)


def _running(world: World, app: str) -> list[Pod]:
    pods = (pod for pod in world.pods.index.values() if pod.metadata.labels.get("app") == app)
    return [pod for pod in pods if pod.status.phase == "Running" and not pod.is_terminating]


def _all_run(world: World) -> bool:
    live = world.deployment(SEARCH)
    if live is None or live.status.get("observedGeneration") != live.metadata.generation:
        return False
    whole = all(live.status.get(count) == REPLICAS for count in ("replicas", "updatedReplicas", "availableReplicas"))
    return whole and len(_running(world, TRAINING)) == 1


def _container(image: str) -> Manifest:
    return {"name": "main", "image": image, "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}


def _template(app: str, container: Manifest, annotations: Mapping[str, str], **spec: Any) -> Manifest:
    metadata = {"labels": {"app": app}, "annotations": {**annotations}}
    return {"metadata": metadata, "spec": {"containers": [container], **spec}}


def _search() -> Manifest:
    spec = {
        "replicas": REPLICAS,
        "selector": {"matchLabels": {"app": SEARCH}},
        "template": _template(SEARCH, _container(GOOD), {}),
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": SEARCH}, "spec": spec}


def _training() -> Manifest:
    container = {"name": "main", "image": "example.com/train:1", "resources": {"limits": {"nvidia.com/gpu": 1}}}
    lasting = {"twin.kubewright.dev/run-seconds": "86400"}
    spec = {"backoffLimit": 20, "template": _template(TRAINING, container, lasting, restartPolicy="Never")}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": TRAINING}, "spec": spec}


def _ailment(title: str, causes: tuple[str, ...], break_it: Callable[[World], Awaitable[Callable[[], bool]]]) -> Fault:
    return Fault(title, "", break_it, causes, take_back)


AILMENTS = (
    _ailment("a release of Deployment search crashes", ("BadRelease",), release_badly),
    _ailment("the GPU of Job training is lost (XID 79)", ("GpuLost",), lose_gpu),
    _ailment("the fullest of the other nodes loses its power", ("NodeDead",), cut_power),
)
