"""What a PlatformPolicy comes to: admission policies to write and to take away, and its status. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kubewright.api.applyset import ApplySet, Observed
from kubewright.api.conditions import READY, Condition, find_condition, set_condition, written
from kubewright.api.crds.platformpolicy import PLATFORM_POLICIES, PlatformPolicy
from kubewright.api.live import LiveObject
from kubewright.api.meta import Manifest, PartialObject, Resource
from kubewright.api.plan import Action, Announce, Apply, Plan
from kubewright.guardrails.render import GROUP, SCOPE_LABEL, Scope, drawn, platform, render

POLICIES: Resource[PartialObject] = Resource(
    GROUP, "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", PartialObject, namespaced=False
)
BINDINGS: Resource[PartialObject] = Resource(
    GROUP,
    "v1",
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
    PartialObject,
    namespaced=False,
)


def scope_of(policy: PlatformPolicy) -> Scope:
    """Return where a policy holds, under its own name."""
    return platform(policy.metadata.name, policy.spec.exempt_namespaces)


def owned(policy: PlatformPolicy, kinds: tuple[Resource[LiveObject], ...]) -> ApplySet:
    """Return what tells a policy's children from all others'."""
    return ApplySet(policy, PLATFORM_POLICIES, kinds, {SCOPE_LABEL: scope_of(policy).name})


def wanted(policy: PlatformPolicy, mine: ApplySet) -> list[Manifest]:
    """Return the admission policies and bindings, as the policy's children."""
    return [mine.child(each) for each in render(policy.spec.rails, scope_of(policy))]


def decide(policy: PlatformPolicy, mine: ApplySet, desired: Sequence[Manifest], observed: Observed, now: float) -> Plan:
    """Return what is to be written."""
    taken = mine.taken(desired, observed)
    writes = mine.converge(desired, observed)
    status = _status(policy, taken, now)
    return Plan((*writes, *status), f"rails of {policy.metadata.name}")


def _status(policy: PlatformPolicy, taken: Sequence[str], now: float) -> tuple[Action, ...]:
    rails = policy.spec.rails
    names = [each.name for each in drawn(rails)]
    enforced = [each for each in names if each not in rails.trial]
    tried = [each for each in names if each in rails.trial]
    idle = [each for each in rails.trial if each not in names]
    generation = policy.metadata.generation
    if taken:
        state, reason, message = "False", "NameTaken", "; ".join(taken)
    else:
        message = f"{len(enforced)} rails refuse, {len(tried)} warn"
        message += f"; in trial but not drawn: {', '.join(idle)}" if idle else ""
        state, reason = "True", "Drawn"
    ready = Condition(READY, state, reason, message, observed_generation=generation)
    conditions = set_condition(policy.status.conditions, ready, now)
    told = policy.status
    said = (told.enforced, told.tried, told.observed_generation, told.conditions)
    if said == (tuple(enforced), tuple(tried), generation, conditions):
        return ()
    status: Manifest = {
        "enforced": enforced,
        "tried": tried,
        "observedGeneration": generation,
        "conditions": written(conditions),
    }
    old = find_condition(told.conditions, READY)
    news = old is None or (old.status, old.message) != (state, message)
    announced = (Announce("Warning" if taken else "Normal", reason, message),) if news else ()
    return (Apply.status(PLATFORM_POLICIES, policy.key, status), *announced)
