"""What a GPUPolicy asks of the nodes of its pool: configuration, labels, and MIG partitions for pods that wait. Pure.

Only idle nodes are partitioned: those without a pod that has anything of NVIDIA's. Where none is, one may be emptied
(`moving`): it takes no pods until it is partitioned. A node whose partitioning is under way is waited for; one on which
it failed is left as it is, the condition says so, and nobody is moved any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kubewright.api.conditions import READY, Condition, set_condition, written
from kubewright.api.core import CONFIG_MAPS, NODES, Node, Pod
from kubewright.api.crds.gpupolicy import GPU_POLICIES, MIG, GPUPolicy
from kubewright.api.meta import Manifest
from kubewright.api.plan import Action, Apply, Plan
from kubewright.api.policy import PodDisruptionBudget
from kubewright.api.quantity import value
from kubewright.api.resources import pod_request
from kubewright.devices.mig import Geometry, Layout, geometry_of
from kubewright.devices.requests import MOST_GPUS, PRODUCT, VENDOR, counted
from kubewright.gpu.configs import (
    DRAINING,
    LAYOUT,
    MIG_LABEL,
    PLUGIN_LABEL,
    STATE_LABEL,
    Partitions,
    layout_name,
    mig_config,
    plugin_config,
    read_layout,
    write_layout,
)
from kubewright.gpu.moving import Move, Occupied, instances, next_move

_UNDER_WAY = frozenset({"pending", "rebooting"})


@dataclass(frozen=True, slots=True)
class Pool:
    """The nodes of a policy with GPUs, and the pods that matter to them."""

    nodes: tuple[Node, ...]
    running: Mapping[str, tuple[Pod, ...]]
    """By the name of their node; none that has ended."""
    waiting: tuple[Pod, ...]
    """Pods without a node."""
    budgets: tuple[PodDisruptionBudget, ...] = ()

    @classmethod
    def of(
        cls,
        policy: GPUPolicy,
        others: Sequence[GPUPolicy],
        nodes: Sequence[Node],
        pods: Sequence[Pod],
        budgets: Iterable[PodDisruptionBudget] = (),
    ) -> Pool:
        """Select them; a node that several policies select follows the first by name."""
        first = [each for each in others if each.metadata.name < policy.metadata.name]
        mine = tuple(
            node
            for node in sorted(nodes, key=lambda each: each.metadata.name)
            if selects(policy, node) and _gpus(node) and not any(selects(each, node) for each in first)
        )
        running: dict[str, list[Pod]] = {node.metadata.name: [] for node in mine}
        for pod in pods:
            if pod.spec.node_name in running and not pod.is_finished:
                running[pod.spec.node_name].append(pod)
        waiting = tuple(pod for pod in pods if not pod.spec.node_name and not pod.is_finished)
        return cls(mine, {name: tuple(each) for name, each in running.items()}, waiting, tuple(budgets))

    def is_idle(self, node: Node) -> bool:
        """Tell whether no pod has anything of the node's GPUs."""
        return not self.with_gpus(node)

    def with_gpus(self, node: Node) -> tuple[Pod, ...]:
        """Return the pods of a node that have something of NVIDIA's."""
        pods = self.running[node.metadata.name]
        return tuple(pod for pod in pods if any(resource.startswith(VENDOR) for resource in pod_request(pod)))


def selects(policy: GPUPolicy, node: Node) -> bool:
    """Tell whether a node has the labels of a policy's pool."""
    labels, wanted = node.metadata.labels, policy.spec.node_selector
    return bool(wanted) and all(labels.get(key) == text for key, text in wanted.items())


def decide(policy: GPUPolicy, pool: Pool, now: float) -> Plan:
    """Return what is to be written for a policy: files, then nodes, then its status."""
    problems = {node.metadata.name: _problem(policy, node) for node in pool.nodes}
    able = [node for node in pool.nodes if not problems[node.metadata.name]]
    layouts, missing = _layouts(policy, pool, able) if policy.spec.mode == MIG else ({}, Counter[str]())
    move = _move(policy, pool, able, missing)
    present = [layout for node in able if (layout := _present(node)) is not None]
    actions: list[Action] = []
    if able:
        actions.append(Apply(CONFIG_MAPS, plugin_config(policy)))
        if policy.spec.mode == MIG:
            distinct = {layout_name(each): each for each in (*present, *layouts.values())}
            actions.append(Apply(CONFIG_MAPS, mig_config(policy, [distinct[name] for name in sorted(distinct)])))
    behind: list[str] = []
    for node in able:
        name = node.metadata.name
        wanted = layouts.get(name)
        if wanted is not None and _is_other(node, wanted) and not pool.is_idle(node):
            behind.append(name)
            wanted = _present(node)
        manifest = _node(policy, node, wanted, draining=_is_kept_clear(node, wanted, move))
        if not _has(node, manifest):
            actions.append(Apply(NODES, manifest))
    actions += move.evictions if move is not None else ()
    status = _status(policy, able, problems, behind, now, move=move)
    if status is not None:
        actions.append(status)
    return Plan(tuple(actions), f"GPUs of {len(able)} of {len(pool.nodes)} nodes as {policy.spec.mode}")


def _problem(policy: GPUPolicy, node: Node) -> str:
    """Say why a node cannot follow; nothing if it can."""
    if policy.spec.mode != MIG:
        return ""
    product = node.metadata.labels.get(PRODUCT, "")
    geometry = geometry_of(product)
    if geometry is None:
        return f"{product or 'a GPU without a name'} has no MIG"
    unknown = [each.name for each in policy.spec.profiles if each.name not in geometry.profiles]
    if unknown:
        return f"{geometry.model} has no profile {', '.join(unknown)}"
    if geometry.fit({each.name: each.count for each in policy.spec.profiles}) is None:
        return f"the profiles do not fit together on one {geometry.model}"
    return ""


def _move(policy: GPUPolicy, pool: Pool, able: Sequence[Node], missing: Counter[str]) -> Move | None:
    """Return which node is to be emptied for what no idle one can be cut for; none while another is under way."""
    states = {node.metadata.labels.get(STATE_LABEL, "") for node in able}
    emptied = any(DRAINING in node.metadata.annotations and pool.is_idle(node) for node in able)
    if not missing or emptied or states & {"failed", *_UNDER_WAY}:
        return None
    settled = [(node, layout) for node in able if (layout := _present(node)) is not None]
    free = {
        node.metadata.name: _free(layout, pool.running[node.metadata.name])
        for node, layout in settled
        if not node.spec.unschedulable
    }
    occupied = [
        Occupied(node, pool.with_gpus(node))
        for node, _ in settled
        if not pool.is_idle(node) and (not node.spec.unschedulable or DRAINING in node.metadata.annotations)
    ]
    return next_move(policy, occupied, free, missing, waiting=pool.waiting, budgets=pool.budgets)


def _is_kept_clear(node: Node, wanted: Partitions | None, move: Move | None) -> bool:
    """Tell whether a node is to take no pods: it is being emptied, or was, and is not partitioned yet."""
    if move is not None and move.node == node.metadata.name:
        return True
    if DRAINING not in node.metadata.annotations:
        return False
    # What the state says may be of the partitioning before.
    done = node.metadata.labels.get(STATE_LABEL) == "success" and _has_instances(node)
    return (wanted is not None and _is_other(node, wanted)) or (not done and MIG_LABEL in node.metadata.labels)


def _has_instances(node: Node) -> bool:
    """Tell whether a node offers what its layout says."""
    geometry = geometry_of(node.metadata.labels.get(PRODUCT, ""))
    if geometry is None:
        return False
    there = node.status.allocatable
    try:
        return all(
            value(there.get(geometry.profiles[name].resource, 0)) >= count
            for name, count in _in_all(_present(node) or ()).items()
        )
    except (KeyError, ValueError):
        return False


def _in_all(partitions: Partitions) -> Counter[str]:
    offered: Counter[str] = Counter()
    for each in partitions:
        offered.update(each)
    return offered


def _free(partitions: Partitions, pods: Iterable[Pod]) -> Counter[str]:
    """Return the instances that a node's pods leave of what it offers."""
    left = _in_all(partitions)
    left.subtract(instances(pods))
    return +left


def _layouts(policy: GPUPolicy, pool: Pool, able: Sequence[Node]) -> tuple[dict[str, Partitions], Counter[str]]:
    """Return the partitions that nodes should have (those that stay as they are, none), and what is still missing."""
    first = {each.name: each.count for each in policy.spec.profiles if each.count}
    wanted: dict[str, Partitions] = {}
    for node in able:
        present = _present(node)
        if present is None or (not policy.spec.repartition and present):
            wanted[node.metadata.name] = [first] * _gpus(node) if first or present is None else present
    if not policy.spec.repartition:
        return wanted, Counter()
    missing, covered = _missing(policy, pool, able, wanted)
    for node in sorted(able, key=lambda each: (_present(each) is not None, each.metadata.name)):
        state = node.metadata.labels.get(STATE_LABEL, "")
        if missing and pool.is_idle(node) and state not in _UNDER_WAY and state != "failed":
            geometry = geometry_of(node.metadata.labels.get(PRODUCT, ""))
            if geometry is not None:
                missing.update(covered[node.metadata.name])  # what it has of use is not to be lost
                wanted[node.metadata.name] = [_cut(policy, geometry, missing) for _ in range(_gpus(node))]
    return wanted, +missing


def _missing(
    policy: GPUPolicy, pool: Pool, able: Sequence[Node], coming: Mapping[str, Partitions]
) -> tuple[Counter[str], dict[str, Counter[str]]]:
    """Return the instances that waiting pods want and that neither are free nor on their way, and those which are.

    The latter by node: the instances there that waiting pods are going to have.
    """
    allowed = {each.name for each in policy.spec.profiles}
    wanted = instances(pool.waiting)
    covered: dict[str, Counter[str]] = {node.metadata.name: Counter() for node in able}
    for node in able:
        if node.metadata.labels.get(STATE_LABEL) == "failed" or DRAINING in node.metadata.annotations:
            continue
        layout = coming.get(node.metadata.name) or _present(node) or ()
        free = _free(layout, pool.running[node.metadata.name])
        used = Counter({name: min(wanted[name], count) for name, count in free.items()})
        covered[node.metadata.name] = +used
        wanted.subtract(used)
    return Counter({name: count for name, count in wanted.items() if count > 0 and name in allowed}), covered


def _cut(policy: GPUPolicy, geometry: Geometry, missing: Counter[str]) -> dict[str, int]:
    """Cut one GPU for what is missing, which is less then, the largest first; what is left, for whoever comes."""
    layout: Layout = frozenset()
    largest = sorted(
        (each.name for each in policy.spec.profiles), key=lambda name: (-geometry.profiles[name].size, name)
    )
    for names in (list(missing), largest):
        for name in sorted(names, key=lambda each: (-geometry.profiles[each].size, each)):
            while names is largest or missing[name] > 0:
                place = geometry.best_place(name, layout)
                if place is None:
                    break
                layout |= {place}
                missing[name] -= 1
    for name in [name for name, count in missing.items() if count <= 0]:
        del missing[name]
    return dict(Counter(each.profile for each in layout))


def _node(policy: GPUPolicy, node: Node, layout: Partitions | None, *, draining: bool) -> Manifest:
    labels = {PLUGIN_LABEL: policy.metadata.name}
    metadata: Manifest = {"name": node.metadata.name, "labels": labels}
    if layout is None and policy.spec.mode == MIG:
        layout = _present(node)
    if layout is not None:
        labels[MIG_LABEL] = layout_name(layout)
        metadata["annotations"] = {LAYOUT: write_layout(layout)}
    manifest: Manifest = {"apiVersion": NODES.api_version, "kind": NODES.kind, "metadata": metadata}
    if draining:
        metadata.setdefault("annotations", {})[DRAINING] = policy.metadata.name
        manifest["spec"] = {"unschedulable": True}
    return manifest


def _has(node: Node, manifest: Manifest) -> bool:
    metadata = manifest["metadata"]
    wanted: dict[str, str] = metadata["labels"]
    notes: dict[str, str] = metadata.get("annotations", {})
    if ("spec" in manifest) != (DRAINING in node.metadata.annotations):
        return False
    return all(node.metadata.labels.get(key) == text for key, text in wanted.items()) and all(
        node.metadata.annotations.get(key) == text for key, text in notes.items()
    )


def _present(node: Node) -> Partitions | None:
    return read_layout(node.metadata.annotations.get(LAYOUT, ""))


def _is_other(node: Node, wanted: Partitions) -> bool:
    return node.metadata.labels.get(MIG_LABEL) != layout_name(wanted)


def _gpus(node: Node) -> int:
    return min(counted(node.metadata.labels) or 0, MOST_GPUS)


def _status(
    policy: GPUPolicy,
    able: Sequence[Node],
    problems: Mapping[str, str],
    behind: Sequence[str],
    now: float,
    *,
    move: Move | None,
) -> Apply | None:
    """Return the status if it says anything new."""
    states = {node.metadata.name: node.metadata.labels.get(STATE_LABEL, "") for node in able}
    failed = sorted(name for name, state in states.items() if state == "failed")
    under_way = sorted(name for name, state in states.items() if state in _UNDER_WAY)
    following = len(able) - len({*failed, *under_way, *behind})
    why_not = "; ".join(sorted({text for text in problems.values() if text}))
    reason, message = "Following", f"{following} of {len(problems)} nodes do as it says"
    if not problems:
        reason, message = "NoNodes", "no node with GPUs has the labels of nodeSelector, or another policy has them all"
    elif not able:
        reason, message = "NoGPUCanFollow", why_not
    elif failed:
        reason, message = "PartitioningFailed", f"MIG manager failed on {', '.join(failed)}; see its log there"
    elif under_way:
        reason, message = "Partitioning", f"waiting for {', '.join(under_way)}"
    elif move is not None:
        reason, message = "MakingRoom", f"moving pods off {move.node} to partition it for pods that wait"
    elif behind:
        reason, message = "Busy", f"{', '.join(behind)} will follow when no pod uses their GPUs"
    ready = Condition(
        READY,
        "True" if reason == "Following" else "False",
        reason,
        f"{message}; {why_not}" if able and why_not else message,
        observed_generation=policy.metadata.generation,
    )
    conditions = set_condition(policy.status.conditions, ready, now)
    figures = (len(problems), following, policy.metadata.generation)
    told = policy.status
    if conditions == told.conditions and figures == (told.nodes, told.following, told.observed_generation):
        return None
    status: Manifest = {
        "nodes": figures[0],
        "following": figures[1],
        "observedGeneration": figures[2],
        "conditions": written(conditions),
    }
    return Apply.status(GPU_POLICIES, policy.key, status)
