"""What is done about one GPU: it is put out of use, and who is on it moves; its neighbours stay. Pure."""

from __future__ import annotations

from kubewright.api.core import NODES, PODS, Node, Pod
from kubewright.api.meta import ObjectKey, controller_of
from kubewright.api.nodeagent import HELD, quarantined
from kubewright.api.plan import Action, Apply, Delete, Plan
from kubewright.api.resources import pod_request
from kubewright.devices.requests import GPU, read_given
from kubewright.disruption.budget import is_movable
from kubewright.healing.finding import Finding, Remedy, Safety
from kubewright.healing.remedies.nodes import FOR_GOOD, is_well, node_manifest, node_of
from kubewright.healing.seen import Seen

_PLUGINS = ("device-plugin", "gpu-agent")


def on_gpu(node: str, gpu: int, holder: str, seen: Seen) -> list[Pod]:
    """Return who is on a GPU: whom the node names, whom the scheduler gave it, or who alone has GPUs there."""
    pods = [each for each in seen.pods_on(node) if not each.is_finished and pod_request(each).get(GPU, 0)]
    if holder:
        namespace, _, name = holder.partition("/")
        return [each for each in pods if each.key == ObjectKey(namespace, name)]
    given = [each for each in pods if gpu in (read_given(each) or ())]
    told = all(read_given(each) is not None for each in pods)
    return given if given or told else pods if len(pods) == 1 else []


def _going(finding: Finding, seen: Seen) -> list[Pod]:
    found = on_gpu(finding.about.key.name, int(finding.part), finding.details.get("holder", ""), seen)
    return [each for each in found if not each.is_terminating and is_movable(each)]


def quarantine(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Put the GPU out of use, and have who is on it made anew."""
    del now
    node = node_of(finding, seen)
    if node is None or not finding.part.isdecimal():
        return None
    gpu, out = int(finding.part), quarantined(node)
    actions: list[Action] = [] if gpu in out else [_put(node, {*out, gpu})]
    actions += [Delete(PODS, pod.key, pod.metadata.uid) for pod in _going(finding, seen)]
    return Plan(tuple(actions), f"GPU {gpu} of {finding.about} is out of use")


def restart(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Have who is on the GPU made anew, if it has not been since."""
    del now
    if not finding.part.isdecimal():
        return None
    pods = [each for each in _going(finding, seen) if each.metadata.created_at < finding.since]
    if not pods:
        return None
    actions = tuple(Delete(PODS, pod.key, pod.metadata.uid) for pod in pods)
    return Plan(actions, f"who had the error on GPU {finding.part} of {finding.about} begins anew")


def restart_plugin(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Have the device plugin's pod on the node made anew, once."""
    del now
    pods = [
        pod
        for pod in seen.pods_on(finding.about.key.name)
        if not pod.is_terminating and controller_of(pod) is not None and pod.metadata.created_at < finding.since
        if any(word in pod.metadata.name for word in _PLUGINS)
    ]
    if not pods:
        return None
    return Plan(tuple(Delete(PODS, pod.key, pod.metadata.uid) for pod in pods), "the device plugin begins anew")


def put_back(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Give a GPU out again once its node has been well for a while."""
    node = node_of(finding, seen)
    if node is None or not finding.part.isdecimal():
        return None
    out = set(quarantined(node))
    if int(finding.part) not in out:
        return Plan((), f"GPU {finding.part} of {finding.about} is in use")
    if not is_well(node, now):
        return Plan((), f"{finding.about} is not well, or not for long enough")
    return Plan((_put(node, out - {int(finding.part)}),), f"GPU {finding.part} of {finding.about} is well again")


def _put(node: Node, gpus: set[int]) -> Apply:
    return Apply(NODES, node_manifest(node, node.metadata.annotations.get(HELD, ""), gpus))


QUARANTINE = Remedy("put the one GPU out of use", Safety.NODE, quarantine, within_seconds=120.0)
RESTART = Remedy("make anew who is on it", Safety.LOCAL, restart, within_seconds=120.0)
RESTART_PLUGIN = Remedy("make the device plugin anew", Safety.LOCAL, restart_plugin, within_seconds=90.0)
PUT_BACK = Remedy("give it out again", Safety.HARMLESS, put_back, within_seconds=FOR_GOOD)
