"""The simulated kubelet: one driver for all nodes, over nothing but a Client, so it also serves a real control plane.

It has no task per pod: pods are keys of one queue with deadlines. Each turn asks `advance` what has happened, writes
one patch of the pod's status if that looks different from outside, tells of the news, and waits for what happens next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from kubewright.api.core import PODS, Container, Node, Pod
from kubewright.api.meta import ObjectKey
from kubewright.client.protocol import PatchType
from kubewright.devices.requests import GPU
from kubewright.runtime.controller import Done, RequeueAfter
from kubewright.runtime.informer import Change
from kubewright.runtime.workqueue import WorkQueue
from kubewright.twin.caches import BY_NODE, Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.writes import Announce, Patch, Remove, Writer
from kubewright.twin.kubelet import pressure
from kubewright.twin.kubelet.advance import advance, begin, crash, rejected
from kubewright.twin.kubelet.behaviour import Acts, Behaviours, Latencies
from kubewright.twin.kubelet.faults import (
    ContainerTrouble,
    NodeTrouble,
    OnContainers,
    OnNodes,
    Rule,
    image_like,
    node_named,
)
from kubewright.twin.kubelet.life import Life, Stage, Verdict, all_containers
from kubewright.twin.kubelet.limits import FromProfiles, Usage, crossing, tells_of_usage
from kubewright.twin.kubelet.nodestate import NodeState
from kubewright.twin.kubelet.nodewatch import NodeWatch
from kubewright.twin.kubelet.references import missing
from kubewright.twin.kubelet.resuming import resume
from kubewright.twin.kubelet.status import Place, status_patch
from kubewright.twin.kubelet.turn import NOTHING_MISSING, Around, Missing, News, Step
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
        self._states: dict[str, NodeState] = {}
        self._anew: set[str] = set()
        """Pods, by uid, that a fault came to or left: they act otherwise, or others wrote of them what is not so."""
        self._addresses = PodAddresses()
        self.usage: Usage = FromProfiles(seed)
        """How containers use what they get; whoever keeps account of it puts itself here."""
        self.lost_gpus: Callable[[str], frozenset[int]] = lambda _: frozenset()
        """Which GPUs of a node are broken; whoever breaks them puts itself here."""
        self._watched: dict[str, None] = {}
        self._verdicts: dict[str, Verdict] = {}
        self._watch = NodeWatch(context, NAME)
        self._watch.serve(self)
        self._caches.pods.add_handler(self._on_pod)
        informers = (self._caches.pods, self._caches.nodes)
        context.controller(NAME, self, self._queue, informers, concurrency=CONCURRENCY)

    def crash(self, key: ObjectKey, exit_code: int = 1, *, container: str = "") -> None:
        """Let a running container of a pod, by default the first, exit now."""
        pod = self._caches.pods.index.get(key)
        life = self._lives.get(pod.metadata.uid) if pod else None
        if pod is not None and life is not None:
            self._lives[pod.metadata.uid] = crash(life, pod, exit_code, self._clock.now(), container=container)
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

    def look(self, key: ObjectKey) -> None:
        """Look at a pod, and from now on at what it uses: somebody has changed how it does."""
        pod = self._caches.pods.index.get(key)
        if pod is not None and pod.spec.node_name in self.nodes:
            self._watched[pod.metadata.uid] = None
            self._queue.add(key)
            self._watch.consider(pod.spec.node_name)

    def running(self, node: str) -> list[tuple[Pod, Life]]:
        """Return the pods that run on a node, and where they are."""
        pods = self._caches.pods.index.by(BY_NODE, node) if self._runs(node) else []
        pairs = ((pod, self._lives.get(pod.metadata.uid)) for pod in pods)
        return [(pod, life) for pod, life in pairs if life is not None and life.stage is Stage.ACTIVE]

    def evict(self, pod: Pod, verdict: Verdict, grace_seconds: float) -> None:
        """Have a pod stopped; it fails for this reason."""
        self._verdicts[pod.metadata.uid] = replace(verdict, grace_seconds=grace_seconds)
        self._queue.add(pod.key)

    def fail_image(self, pattern: str) -> None:
        """From now on images that match cannot be pulled."""
        self.inject(f"image {pattern}", OnContainers(image_like(pattern), ContainerTrouble(pull_error="not found")))

    def mend_image(self, pattern: str) -> None:
        """Images of this pattern can be pulled again, at the next try."""
        self.lift(f"image {pattern}")

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
        self._states = {node: state.copy() for node, state in other._states.items()}
        self._anew = set(other._anew)
        self._addresses = other._addresses.copy()
        self._watched, self._verdicts = dict(other._watched), dict(other._verdicts)
        self._watch.resume_from(other._watch)

    def answers(self, node: str) -> bool:
        """Tell whether a node's kubelet answers those that ask it."""
        return node in self.nodes and not self._is_silent(node)

    def gpu_holder(self, node: str, number: int) -> str:
        """Return which pod has a GPU of a node, as NAMESPACE/NAME; nothing if none has."""
        holder = self.state(node).devices.holder(GPU, number)
        return "" if holder is None else str(holder.pod)

    def trouble(self, node: str) -> NodeTrouble:
        """Return what ails a node."""
        return self.behaviours.faults.of_node(node)

    def says_ready(self, name: str) -> bool:
        """Tell whether a node's kubelet has nothing to say against its being ready."""
        return not self.trouble(name).not_ready

    def is_living(self, name: str) -> bool:
        """Tell whether a node is heard of."""
        return not self._is_silent(name)

    def is_tight(self, name: str) -> bool:
        """Tell whether a node is short of memory, or was a short time ago."""
        return self._watch.is_tight(name)

    def node(self, name: str) -> Node | None:
        """Return a node as the cache has it."""
        return self._caches.nodes.index.get(ObjectKey("", name))

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring one pod on."""
        pod = self._caches.pods.index.get(key)
        if pod is None or not self._runs(pod.spec.node_name):
            return Done()
        uid = pod.metadata.uid
        present = self._lives.get(uid)
        starts = present is None or present.may_start_something
        lacking = await missing(self._writer.client, pod) if starts else NOTHING_MISSING
        around = self._around(pod, lacking)
        now, before = self._clock.now(), self._lives.get(uid)
        known = resume(pod, around, now) if before is None else None
        present = before or known
        step = self._receive(pod, around, now) if present is None else advance(present, pod, around, now)
        self._lives[uid] = step.life
        if step.life.stage in {Stage.FINISHED, Stage.GONE}:
            self.state(pod.spec.node_name).release(uid)
        elif known is not None:
            self.state(pod.spec.node_name).keep(pod)
        if known is not None and self._is_shown(pod, step.life):
            # It ran before this kubelet came, and goes on as its status says.
            self._address(pod, self.node(pod.spec.node_name))
        elif step.life is not before or uid in self._anew:
            await self._show(pod, before, step, now)
            self._anew.discard(uid)
        if step.life is not before and self._is_watched(pod):
            self._watch.consider(pod.spec.node_name)
        due_at = step.life.due_at
        return Done() if due_at is None else RequeueAfter(max(due_at - self._clock.now(), 0.0))

    def _receive(self, pod: Pod, around: Around, now: float) -> Step:
        """Take a pod that was bound to one of the nodes, or reject it."""
        name = pod.spec.node_name

        def others() -> list[Pod]:
            return [each for each in self._caches.pods.index.by(BY_NODE, name) if not each.is_finished]

        refusal = pressure.refusal(pod) if self._watch.is_tight(name) else None
        refusal = refusal or self.state(name).take(pod, self.node(name), others, self.lost_gpus(name))
        return begin(pod, around, now) if refusal is None else rejected(refusal, now)

    def _is_shown(self, pod: Pod, life: Life) -> bool:
        """Tell whether what the status of a pod says that has just been taken over may stay."""
        if life.stage is Stage.FINISHED:
            return pod.is_finished
        return life.stage is Stage.ACTIVE and all(each.is_running for each in life.containers) and pod.is_ready

    def _is_watched(self, pod: Pod) -> bool:
        return pod.metadata.uid in self._watched or tells_of_usage(pod)

    def _runs(self, node: str) -> bool:
        trouble = self.trouble(node)
        return node in self.nodes and not trouble.silent and not trouble.stuck

    def _is_silent(self, node: str) -> bool:
        return self.trouble(node).silent

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
                self._anew.add(pod.metadata.uid)
                self._queue.add(pod.key)

    def _around(self, pod: Pod, lacking: Missing) -> Around:
        acts: dict[str, Acts] = {}

        def of(container: Container) -> Acts:
            found = acts.get(container.name)
            if found is None:
                found = acts[container.name] = self.behaviours.of(pod, container)
            return found

        node = pod.spec.node_name
        setup_seconds = 0.0 if pod.metadata.uid in self._lives else self.behaviours.setup_seconds(pod)
        return Around(
            of,
            self.state(node).images,
            setup_seconds,
            lacking,
            images_in_use=lambda: self._in_use(node),
            pod_ip=pod.status.pod_ip,
            crossing=crossing(pod, self.usage) if self._is_watched(pod) else None,
            verdict=self._verdicts.get(pod.metadata.uid),
            anew=pod.metadata.uid in self._anew,
            fits=lambda wanted: self.state(node).resize(wanted, self.node(node)),
        )

    def state(self, node: str) -> NodeState:
        """Return what is kept of a node: its images and devices, and who has them."""
        state = self._states.get(node)
        if state is None:
            known = self.node(node)
            state = NodeState.of(known)
            if known is not None:
                self._states[node] = state
        return state

    def _in_use(self, node: str) -> frozenset[str]:
        pods = self._caches.pods.index.by(BY_NODE, node)
        return frozenset(each.image for pod in pods if not pod.is_finished for each in all_containers(pod))

    async def _show(self, pod: Pod, before: Life | None, step: Step, now: float) -> None:
        """Write what looks different, and tell of the news."""
        life = step.life
        try:
            if before is None or life.looks() != before.looks() or pod.metadata.uid in self._anew:
                await self._write_status(pod, life, now)
            if life.stage is Stage.GONE:
                await self._writer.do_one(Remove(PODS, pod.key, pod.metadata.uid, grace_period_seconds=0))
        except BaseException:
            self._restore(pod, before, life)
            raise
        for news in step.news:
            await self._writer.do_one(_announce(pod, news))

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
        place = Place(
            pod_ip=self._address(pod, node) if life.has_network else pod.status.pod_ip,
            host_ip=node.internal_ip if node is not None else "",
            clock_skew_seconds=self.behaviours.faults.of_node(pod.spec.node_name).clock_skew_seconds,
        )
        changes = status_patch(pod, life, place, now)
        await self._writer.do_one(
            Patch(PODS, pod.key, pod.metadata.uid, changes, "status", patch_type=PatchType.STRATEGIC)
        )

    def _address(self, pod: Pod, node: Node | None) -> str:
        if pod.spec.host_network:
            return node.internal_ip if node is not None else ""
        return self._addresses.take(node, pod.metadata.uid, pod.status.pod_ip)

    def _on_pod(self, change: Change[Pod]) -> None:
        old, new = change.old, change.new
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            for kept in (self._lives, self._watched, self._verdicts):
                kept.pop(old.metadata.uid, None)
            if old.spec.node_name in self._states:
                self._states[old.spec.node_name].release(old.metadata.uid)
            self._anew.discard(old.metadata.uid)
            self._addresses.release(old.metadata.uid)
        if new is None or new.spec.node_name not in self.nodes:
            return
        if old is None or _is_news(old, new):
            self._queue.add(change.key)


def _is_news(old: Pod, new: Pod) -> bool:
    """Tell whether somebody else than the kubelet changed what it goes by."""
    return (
        old.spec.node_name != new.spec.node_name
        or old.is_terminating != new.is_terminating
        or old.metadata.deletion_grace_period_seconds != new.metadata.deletion_grace_period_seconds
        or old.metadata.generation != new.metadata.generation
        or old.metadata.annotations != new.metadata.annotations
        or bool(new.spec.readiness_gates and old.status.conditions != new.status.conditions)
    )


def _announce(pod: Pod, news: News) -> Announce:
    where = {"field_path": news.field_path, "host": pod.spec.node_name}
    return Announce(PODS, pod, news.type, news.reason, news.message, **where)
