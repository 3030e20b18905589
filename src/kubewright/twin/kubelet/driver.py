"""The simulated kubelet: one driver for all nodes, over nothing but a Client, so it also serves a real control plane.

It has no task per pod: pods are keys of one queue with deadlines. Each turn asks `podlife` what has happened, writes
one patch of the pod's status if something did, and waits for what happens next.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubewright.api.core import PODS, Node, Pod
from kubewright.api.meta import ObjectKey
from kubewright.client.protocol import PatchType
from kubewright.runtime.controller import Done, RequeueAfter
from kubewright.runtime.informer import Change
from kubewright.runtime.workqueue import WorkQueue
from kubewright.twin.caches import Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.writes import Announce, Patch, Remove, Writer
from kubewright.twin.kubelet.behaviour import Behaviours, Latencies
from kubewright.twin.kubelet.faults import (
    ContainerTrouble,
    NodeTrouble,
    OnContainers,
    OnNodes,
    Rule,
    image_like,
    node_named,
    pod_like,
)
from kubewright.twin.kubelet.life import Behaviour, Life, Stage, advance, crash, resume
from kubewright.twin.kubelet.status import pod_text, status_patch
from kubewright.twin.podips import PodAddresses

NAME = "kubelet"
CONCURRENCY = 16


class Kubelet:
    """Runs the pods of its nodes. Faults are rules: `inject`, `lift`, and short forms of them for the commonest."""

    def __init__(
        self, context: Context, nodes: Iterable[str], *, seed: int = 0, latencies: Latencies | None = None
    ) -> None:
        self.nodes = dict.fromkeys(nodes)
        self.behaviours = Behaviours(latencies or Latencies(), seed)
        self._caches: Caches = context.caches
        self._clock = context.clock
        self._writer: Writer = context.writer(NAME)
        self._queue: WorkQueue[ObjectKey] = context.queue(NAME, ObjectKey)
        self._lives: dict[str, Life] = {}
        self._images: dict[str, dict[str, None]] = {}
        self._addresses = PodAddresses()
        self._caches.pods.add_handler(self._on_pod)
        informers = (self._caches.pods, self._caches.nodes)
        context.controller(NAME, self, self._queue, informers, concurrency=CONCURRENCY)

    def crash(self, key: ObjectKey, exit_code: int = 1) -> None:
        """Let a running pod's first container exit now."""
        pod = self._caches.pods.index.get(key)
        life = self._lives.get(pod.metadata.uid) if pod else None
        if pod is not None and life is not None:
            self._lives[pod.metadata.uid] = crash(life, exit_code, self._clock.now())
            self._queue.add(key)

    def inject(self, name: str, rule: Rule) -> None:
        """Break something: the rule holds until it is lifted by this name."""
        self.behaviours.faults.inject(name, rule)
        self._look_again(rule)

    def lift(self, name: str) -> None:
        """Mend what was broken under a name; what is not broken stays as it is."""
        rule = self.behaviours.faults.lift(name)
        if rule is not None:
            self._look_again(rule)

    def fail_image(self, pattern: str) -> None:
        """From now on images that match cannot be pulled."""
        self.inject(f"image {pattern}", OnContainers(image_like(pattern), ContainerTrouble(pull_error="not found")))

    def mend_image(self, pattern: str) -> None:
        """Images of this pattern can be pulled again, at the next try."""
        self.lift(f"image {pattern}")

    def slow_start(self, pattern: str, seconds: float) -> None:
        """From now on pods whose name matches take longer to start."""
        self.inject(f"start {pattern}", OnContainers(pod_like(pattern), ContainerTrouble(start_seconds=seconds)))

    def kill_node(self, name: str) -> None:
        """Let a node fall silent: no heartbeats, and its pods stay as they are."""
        self.inject(f"node {name}", OnNodes(node_named(name), NodeTrouble(hung=True)))

    def revive_node(self, name: str) -> None:
        """Bring a node back; it goes on with its pods."""
        self.lift(f"node {name}")

    def resume_from(self, other: Kubelet) -> None:
        """Go on where the kubelets of another twin are, with their faults and what they know of pods; for forks."""
        self.behaviours = other.behaviours.copy()
        self._lives.update(other._lives)
        self._images = {node: dict(images) for node, images in other._images.items()}
        self._addresses = other._addresses.copy()

    def living(self) -> list[str]:
        """Return the nodes that are heard of."""
        return [name for name in self.nodes if not self._is_silent(name)]

    def node(self, name: str) -> Node | None:
        """Return a node as the cache has it."""
        return self._caches.nodes.index.get(ObjectKey("", name))

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring one pod on."""
        pod = self._caches.pods.index.get(key)
        if pod is None or not self._runs(pod.spec.node_name):
            return Done()
        now = self._clock.now()
        uid = pod.metadata.uid
        before = self._lives.get(uid)
        behaviour = self._behaviour(pod, before)
        life = advance(before or resume(pod, behaviour, now), pod, behaviour, now)
        self._lives[uid] = life
        if before is None and life.stage is Stage.RUNNING and life.ready == pod.is_ready:
            # It ran before this kubelet came, and goes on as its status says.
            self._address(pod, self.node(pod.spec.node_name))
        elif life != before:
            await self._show(pod, before, life, now)
        if life.due_at is None:
            return Done()
        return RequeueAfter(max(life.due_at - self._clock.now(), 0.0))

    def _runs(self, node: str) -> bool:
        return node in self.nodes and not self._is_silent(node)

    def _is_silent(self, node: str) -> bool:
        return self.behaviours.faults.of_node(node).silent

    def _look_again(self, rule: Rule) -> None:
        """Have every pod looked at that a rule may mean: what was due at no time may be due now."""
        for pod in self._caches.pods.index.values():
            node = pod.spec.node_name
            if node not in self.nodes:
                continue
            match rule:
                case OnNodes():
                    meant = rule.matches(node)
                case OnContainers():
                    meant = any(rule.matches(pod, each) for each in (*pod.spec.init_containers, *pod.spec.containers))
            if meant:
                self._queue.add(pod.key)

    def _behaviour(self, pod: Pod, life: Life | None) -> Behaviour:
        images = self._images.setdefault(pod.spec.node_name, {})
        pulls = life is None and any(each.image not in images for each in pod.spec.containers)
        return self.behaviours.of(pod, pulls=pulls)

    async def _show(self, pod: Pod, before: Life | None, life: Life, now: float) -> None:
        """Write what changed, and tell of it."""
        try:
            if life.stage is Stage.GONE:
                await self._writer.do_one(Remove(PODS, pod.key, pod.metadata.uid, grace_period_seconds=0))
            elif life.stage is not Stage.STOPPING and not (before is None and pod.is_finished):
                await self._write_status(pod, life, now)
        except BaseException:
            self._restore(pod, before, life)
            raise
        for announce in self._news(pod, before, life):
            await self._writer.do_one(announce)

    def _restore(self, pod: Pod, before: Life | None, life: Life) -> None:
        """Nothing was written: the next turn finds the same due again."""
        if self._lives.get(pod.metadata.uid) is not life:
            return
        if before is None:
            del self._lives[pod.metadata.uid]
        else:
            self._lives[pod.metadata.uid] = before

    async def _write_status(self, pod: Pod, life: Life, now: float) -> None:
        node = self.node(pod.spec.node_name)
        address = ""
        if life.stage is not Stage.CREATING:
            address = self._address(pod, node)
        host = node.internal_ip if node is not None else ""
        changes = status_patch(pod, life, pod_ip=address, host_ip=host, now=now)
        await self._writer.do_one(
            Patch(PODS, pod.key, pod.metadata.uid, changes, "status", patch_type=PatchType.STRATEGIC)
        )

    def _address(self, pod: Pod, node: Node | None) -> str:
        if pod.spec.host_network:
            return node.internal_ip if node is not None else ""
        return self._addresses.take(node, pod.metadata.uid, pod.status.pod_ip)

    def _news(self, pod: Pod, before: Life | None, life: Life) -> list[Announce]:
        was = before.stage if before is not None else None
        match life.stage:
            case Stage.RUNNING if was is not Stage.RUNNING:
                return self._on_running(pod)
            case Stage.PULL_FAILED:
                return _on_pull_failed(pod)
            case Stage.BACKOFF if life.failures > 1:
                container = pod.spec.containers[0].name
                text = f"Back-off restarting failed container {container} in pod {pod_text(pod)}"
                return [Announce(PODS, pod, "Warning", "BackOff", text)]
            case Stage.STOPPING if was is Stage.RUNNING:
                return [
                    Announce(PODS, pod, "Normal", "Killing", f"Stopping container {each.name}")
                    for each in pod.spec.containers
                ]
            case _:
                return []

    def _on_running(self, pod: Pod) -> list[Announce]:
        images = self._images.setdefault(pod.spec.node_name, {})
        news: list[Announce] = []
        for each in pod.spec.containers:
            text = f'Container image "{each.image}" already present on machine'
            if each.image not in images:
                images[each.image] = None
                text = f'Successfully pulled image "{each.image}"'
            news += [
                Announce(PODS, pod, "Normal", "Pulled", text),
                Announce(PODS, pod, "Normal", "Created", "Container created"),
                Announce(PODS, pod, "Normal", "Started", "Container started"),
            ]
        return news

    def _on_pod(self, change: Change[Pod]) -> None:
        old, new = change.old, change.new
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            self._lives.pop(old.metadata.uid, None)
            if old.status.pod_ip and old.spec.node_name in self.nodes:
                self._addresses.release(self.node(old.spec.node_name), old.status.pod_ip)
        if new is None or new.spec.node_name not in self.nodes:
            return
        # Of what the kubelet does not write itself only binding and deletion are news to it.
        if old is None or old.spec.node_name != new.spec.node_name or old.is_terminating != new.is_terminating:
            self._queue.add(change.key)


def _on_pull_failed(pod: Pod) -> list[Announce]:
    image = pod.spec.containers[0].image
    failed = f'Failed to pull image "{image}": not found'
    return [
        Announce(PODS, pod, "Warning", "Failed", failed),
        Announce(PODS, pod, "Warning", "Failed", "Error: ErrImagePull"),
        Announce(PODS, pod, "Normal", "BackOff", f'Back-off pulling image "{image}"'),
    ]
