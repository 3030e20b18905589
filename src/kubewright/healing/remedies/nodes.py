"""What is done about nodes: held, emptied, booted, and taken out of service once nothing runs there. Pure.

What can run twice is deleted from a node that is lost, so that it is made anew elsewhere at once. What cannot moves
only with proof (ADR 49): then the node gets the out-of-service taint, for which Kubernetes deletes its pods by force
and detaches their volumes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kubewright.api.coordination import LEASES
from kubewright.api.core import NODES, PODS, Node, Pod
from kubewright.api.meta import Manifest, controller_of, parse_time
from kubewright.api.nodeagent import FENCE, FENCED, HELD, QUARANTINED, notes_manifest, quarantined, write_quarantined
from kubewright.api.plan import Action, Apply, Delete, Evict, Patch, Plan, as_seen
from kubewright.api.policy import POD_DISRUPTION_BUDGETS
from kubewright.disruption.budget import Allowance, is_movable
from kubewright.disruption.drain import Turn, must_leave, turn
from kubewright.healing.finding import Finding, Remedy, Safety
from kubewright.healing.seen import Seen
from kubewright.signals.agents import Word

OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
WELL_SECONDS = 60.0
"""A node that comes back takes pods again once it has been well for so long."""
BOOT_SECONDS = 150.0
"""A machine that boots is silent for no longer."""
FOR_GOOD = 7 * 24 * 3600.0


def node_of(finding: Finding, seen: Seen) -> Node | None:
    """Return the node that a finding is about."""
    return seen.get(NODES, finding.about.key)


def is_stateful(pod: Pod) -> bool:
    """Tell whether a pod must not run twice: it has a name or a volume of its own."""
    owner = controller_of(pod)
    named = owner is not None and owner.kind == "StatefulSet"
    return named or any(
        each.persistent_volume_claim is not None or each.ephemeral is not None for each in pod.spec.volumes
    )


def movable(pods: Iterable[Pod]) -> list[Pod]:
    """Return the pods that somebody makes anew elsewhere and that have not been told to go, in order."""
    return sorted(filter(is_movable, must_leave(pods)), key=lambda each: each.key)


def stateless(seen: Seen, node: str) -> list[Pod]:
    """Return those of a node that can run twice."""
    return [each for each in movable(seen.pods_on(node)) if not is_stateful(each)]


def stateful(seen: Seen, node: str) -> list[Pod]:
    """Return those of a node that cannot, whether they have been told to go or not."""
    return [
        each for each in seen.pods_on(node) if not each.is_finished and not each.stays_on_node and is_stateful(each)
    ]


def node_manifest(node: Node, held: str, gpus: Iterable[int]) -> Manifest:
    """Return all that the healer wants of a node: what it does not say any more is given up."""
    notes = {HELD: held, QUARANTINED: write_quarantined(gpus)}
    metadata: Manifest = {"name": node.metadata.name, "annotations": {key: text for key, text in notes.items() if text}}
    manifest: Manifest = {"apiVersion": NODES.api_version, "kind": NODES.kind, "metadata": metadata}
    return manifest | ({"spec": {"unschedulable": True}} if held else {})


def _held(node: Node, cause: str) -> list[Action]:
    if node.metadata.annotations.get(HELD):
        return []
    return [Apply(NODES, node_manifest(node, cause, quarantined(node)))]


def hold(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Have a node take no new pods."""
    del now
    node = node_of(finding, seen)
    return None if node is None else Plan(tuple(_held(node, finding.cause)), f"{finding.about} takes no new pods")


def move_stateless(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Have what can run twice made anew elsewhere, without asking a node that would not answer."""
    del now
    node = node_of(finding, seen)
    pods = stateless(seen, finding.about.key.name)
    if node is None or not pods:
        return None
    actions = [*_held(node, finding.cause), *(Delete(PODS, pod.key, pod.metadata.uid) for pod in pods)]
    return Plan(tuple(actions), f"{len(pods)} pods of {finding.about} are made anew elsewhere")


def empty_of_stateless(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Do the same where that is all: once nobody is left, it is done."""
    node, plan = node_of(finding, seen), move_stateless(finding, seen, now)
    if plan is None and node is not None and node.metadata.annotations.get(HELD):
        return Plan((), f"nobody is left on {finding.about} who can run twice")
    return plan


def drain(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Empty a node that goes on, as far as budgets let its pods go."""
    del now
    node = node_of(finding, seen)
    if node is None:
        return None
    found = _turn(node.metadata.name, seen)
    waiting = f"; {found.blocked[0]}" if found.blocked else ""
    actions = [*_held(node, finding.cause), *(Evict(PODS, pod.key, pod.metadata.uid) for pod in found.evictions)]
    return Plan(tuple(actions), f"{len(found.left)} pods leave {finding.about}{waiting}")


def _turn(node: str, seen: Seen, *, past_budgets: bool = False) -> Turn:
    pods = seen.pods_on(node)
    return turn(pods, _allowance(pods, seen), past_budgets=past_budgets)


def _allowance(pods: Iterable[Pod], seen: Seen) -> Allowance:
    places = sorted({each.metadata.namespace for each in pods})
    return Allowance([each for place in places for each in seen.within(POD_DISRUPTION_BUDGETS, place)], 0)


def blocked(pods: Collection[Pod], seen: Seen) -> list[Pod]:
    """Return those whom a budget never lets go: all that it is about are well, and still none may be missing."""
    return list(filter(_allowance(pods, seen).never_lets, pods))


def past_budgets(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Let those go whom a budget would keep for ever, when a node has to be emptied."""
    del now
    pods = _turn(finding.about.key.name, seen, past_budgets=True).deletions
    if not pods:
        return None
    actions = tuple(Delete(PODS, pod.key, pod.metadata.uid) for pod in pods)
    return Plan(actions, f"budgets that can never be met keep {len(pods)} pods on {finding.about}")


def mark(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Ask the agent to end what runs there, on the very version of its lease that was seen: a renewal undoes that."""
    del now
    node, word = node_of(finding, seen), seen.agents.words.get(finding.about.key.name)
    if node is None or word is None or finding.details.get("proof"):
        return None
    if _ordered(word, finding.name):
        return Plan(tuple(_held(node, finding.cause)), f"what runs on {finding.about} comes to its end")
    actions = (*_held(node, finding.cause), _order(node, word, finding.name))
    return Plan(actions, f"the agent of {finding.about} is to end what runs there")


def power_off(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Have whoever runs the machine switch it off, and keep it off until those who ran there run elsewhere."""
    del now
    node, machine = node_of(finding, seen), seen.machines.get(finding.about.key.name)
    if node is None or machine is None or finding.details.get("proof"):
        return None
    if machine.is_held:
        return Plan(tuple(_held(node, finding.cause)), f"{machine.about} is being switched off")
    return Plan((*_held(node, finding.cause), machine.turn_off), f"{machine.about} is switched off, and kept so")


def power_on(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Let go of a machine that was switched off: nobody is left there who could run twice."""
    del now
    machine = seen.machines.get(finding.about.key.name)
    if machine is None or not machine.is_held:
        return None
    return Plan((machine.let_go,), f"{machine.about} is switched on again")


def _order(node: Node, word: Word, incident: str) -> Apply:
    """Return the mark on an agent's lease; no two are the same, so that what was done for an old one proves nothing."""
    version = word.lease.metadata.resource_version
    return Apply(LEASES, notes_manifest(node.metadata.name, {FENCE: f"{incident}@{version}"}, version))


def _ordered(word: Word | None, incident: str) -> str:
    """Return the mark that stands on an agent's lease, if it is an incident's."""
    order = word.lease.metadata.annotations.get(FENCE, "") if word is not None else ""
    return order if order.rpartition("@")[0] == incident else ""


def _obeyed(word: Word | None, incident: str) -> bool:
    order = _ordered(word, incident)
    return word is not None and order != "" and word.lease.metadata.annotations.get(FENCED) == order


def boot(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Have the agent boot a machine that lives; None where no agent is heard."""
    name = finding.about.key.name
    return mark(finding, seen, now) if seen.agents.is_fresh(name, now) else None


def move_and_boot(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Have what can run twice made anew elsewhere, and the agent boot the machine, which will be silent meanwhile."""
    node, word = node_of(finding, seen), seen.agents.words.get(finding.about.key.name)
    if node is None or word is None:
        return None
    name = node.metadata.name
    actions = [*_held(node, finding.cause), *(Delete(PODS, pod.key, pod.metadata.uid) for pod in stateless(seen, name))]
    if not _ordered(word, finding.name):
        if not seen.agents.is_fresh(name, now):
            return None
        actions.append(_order(node, word, finding.name))
    return Plan(tuple(actions), f"{finding.about} is booted, and what can run twice is made anew elsewhere")


def is_booting(name: str, incident: str, seen: Seen, now: float) -> bool:
    """Tell whether a machine was told to boot for an incident, and is not to be back yet."""
    word = seen.agents.words.get(name)
    lately = word is not None and now - word.heard_at < BOOT_SECONDS
    return lately and _ordered(word, incident) != "" and not _obeyed(word, incident)


def has_booted(name: str, incident: str, seen: Seen) -> bool:
    """Tell whether a machine's agent says that it has booted for an incident."""
    return _obeyed(seen.agents.words.get(name), incident)


def proof(name: str, incident: str, seen: Seen, now: float) -> str:
    """Say why nothing runs on a node any more that ran there when it was marked; empty where nothing proves it."""
    machine, word = seen.machines.get(name), seen.agents.words.get(name)
    if machine is not None and machine.is_held and machine.is_off:
        return f"{machine.about} has no power, and is kept so"
    if not _ordered(word, incident):
        return ""
    if _obeyed(word, incident):
        return "its agent says that its machine has booted since"
    ended_at = seen.agents.ended_at(name, seen.neighbours(name), now)
    if ended_at is None or now < ended_at:
        return ""
    return f"its agent promised that nothing runs there any more since {now - ended_at:.0f} s ago"


def out_of_service(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Tell Kubernetes that a node is out of service, so that what must not run twice moves."""
    del now
    node = node_of(finding, seen)
    if node is None or not finding.details.get("proof"):
        return None
    if any(each.key == OUT_OF_SERVICE for each in node.spec.taints):
        return Plan((), f"the pods of {finding.about} are being moved")
    taint = {"key": OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute"}
    path, value = ("/spec/taints/-", taint) if node.spec.taints else ("/spec/taints", [taint])
    change = {"op": "add", "path": path, "value": value}
    return Plan(
        (Patch(NODES, node.key, node.metadata.uid, (as_seen(node), change), "put out of service"),),
        f"nothing runs on {finding.about} any more: {finding.details['proof']}",
    )


def let_go(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Have a node take pods again that has been well for a while."""
    node = node_of(finding, seen)
    if node is None:
        return None
    released = power_on(finding, seen, now)
    if released is not None:
        return released
    if not is_well(node, now):
        return Plan((), f"{finding.about} is not well, or not for long enough")
    actions: list[Action] = []
    places = [place for place, each in enumerate(node.spec.taints) if each.key == OUT_OF_SERVICE]
    if places:
        gone = {"op": "remove", "path": f"/spec/taints/{places[0]}"}
        actions.append(Patch(NODES, node.key, node.metadata.uid, (as_seen(node), gone), "put back into service"))
    word = seen.agents.words.get(node.metadata.name)
    if word is not None and word.lease.metadata.annotations.get(FENCE):
        actions.append(Apply(LEASES, notes_manifest(node.metadata.name, {})))
    if not actions and node.metadata.annotations.get(HELD):
        actions.append(Apply(NODES, node_manifest(node, "", quarantined(node))))
    return Plan(tuple(actions), f"{finding.about} has been well for {WELL_SECONDS:g} s")


def is_well(node: Node, now: float) -> bool:
    """Tell whether a node is ready, says nothing bad of itself, and has done so for a while."""
    if not node.is_ready:
        return False
    for each in node.status.conditions:
        good = "True" if each.type.endswith("Ready") else "False"
        since = parse_time(each.last_transition_time) if each.last_transition_time else 0.0
        if each.status != good or now - since < WELL_SECONDS:
            return False
    return True


def wait(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Do nothing: somebody else has it in hand, or nothing is left to be done."""
    del seen, now
    return Plan((), f"{finding.about} is left as it is")


HOLD = Remedy("let it take no new pods", Safety.NODE, hold, within_seconds=1200.0)
MOVE_STATELESS = Remedy("make anew elsewhere what can run twice", Safety.NODE, move_stateless, within_seconds=60.0)
EMPTY_OF_STATELESS = Remedy(
    "make anew elsewhere what can run twice, and no more", Safety.NODE, empty_of_stateless, within_seconds=60.0
)
DRAIN = Remedy("empty it within budgets", Safety.NODE, drain, within_seconds=120.0)
PAST_BUDGETS = Remedy("empty it past budgets that can never be met", Safety.NODE, past_budgets, within_seconds=120.0)
POWER_OFF = Remedy("have it switched off", Safety.NODE, power_off, within_seconds=180.0, undo=power_on)
POWER_ON = Remedy("let it be switched on again", Safety.NODE, power_on, within_seconds=60.0)
END_WHAT_RUNS = Remedy("have its agent end what runs there", Safety.NODE, mark, within_seconds=180.0)
MOVE_AND_BOOT = Remedy(
    "make anew elsewhere what can run twice, and boot it", Safety.NODE, move_and_boot, within_seconds=120.0
)
BOOT = Remedy("have its agent boot it", Safety.NODE, boot, within_seconds=180.0)
OUT = Remedy("put it out of service", Safety.DATA, out_of_service, within_seconds=120.0)
LET_GO = Remedy("let it take pods again", Safety.HARMLESS, let_go, within_seconds=FOR_GOOD)
AWAIT = Remedy("await its repair", Safety.HARMLESS, wait, within_seconds=FOR_GOOD)
KUBELETS_OWN = Remedy("leave it to the kubelet", Safety.HARMLESS, wait, within_seconds=60.0)
"""Which removes images and evicts by itself, and looks every ten seconds whether it must."""
