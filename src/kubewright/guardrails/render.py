"""ValidatingAdmissionPolicies and their bindings, from `Rails`.

    render(policy.spec.rails, platform("base", policy.spec.exempt_namespaces))    # all namespaces but these
    render(team.spec.rails, of_team("payments"))                      # those with kubewright.dev/team: payments

One policy for each family of objects, with all its rails as constants, is bound to the scope; rails in trial have
another, whose binding warns. A write has to pass those of every scope: a team's rails only add to the platform's. What
is no longer rendered is to be deleted: it is known by its `SCOPE_LABEL`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kubewright.api.core import METADATA_NAME
from kubewright.api.crds.appservice import TEAM_LABEL
from kubewright.api.crds.rails import Rails
from kubewright.api.meta import Manifest
from kubewright.guardrails.families import RULES, VARIABLES
from kubewright.guardrails.others import other_rails
from kubewright.guardrails.pods import pod_rails
from kubewright.guardrails.rail import Family, Rail, literal

GROUP = "admissionregistration.k8s.io"
API_VERSION = f"{GROUP}/v1"
POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"
SCOPE_LABEL = "kubewright.dev/guardrails"
"""On every policy and binding: whose they are."""
_ENFORCED, _TRIAL = ("Deny",), ("Warn", "Audit")


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rails they are, and which namespaces they hold in: a namespaceSelector."""

    name: str
    """Part of the policies' names; at most 63 characters, as a label's value."""
    selector: Manifest


def platform(policy: str, exempt: Sequence[str]) -> Scope:
    """Return the scope of all namespaces but some, by name: labels could be written by those whom they free."""
    but = {"key": METADATA_NAME, "operator": "NotIn", "values": sorted(exempt)}
    return Scope(f"platform-{policy}", {"matchExpressions": [but]} if exempt else {})


def of_team(team: str, below: Sequence[str] = ()) -> Scope:
    """Return the scope of a team's namespaces, and of those of the teams below it, by `kubewright.dev/team`."""
    selected = {"key": TEAM_LABEL, "operator": "In", "values": sorted({team, *below})}
    return Scope(f"team-{team}", {"matchExpressions": [selected]})


def drawn(rails: Rails) -> tuple[Rail, ...]:
    """Return every rail that says something, in a fixed order."""
    return (*pod_rails(rails), *other_rails(rails))


def render(rails: Rails, scope: Scope) -> list[Manifest]:
    """Return the policies, each followed by its binding, ready to be applied; nothing where nothing is held."""
    found: list[Manifest] = []
    for family, trial, those in _grouped(drawn(rails), rails.trial):
        name = _name(scope, family, trial=trial)
        found += [_policy(name, scope, family, those), _binding(name, scope, _TRIAL if trial else _ENFORCED)]
    return found


def _grouped(rails: Iterable[Rail], tried: Sequence[str]) -> Iterator[tuple[Family, bool, list[Rail]]]:
    held = [(rail, rail.name in tried) for rail in rails]
    for family in Family:
        for trial in (False, True):
            those = [rail for rail, is_tried in held if rail.family is family and is_tried is trial]
            if those:
                yield family, trial, those


def _name(scope: Scope, family: Family, *, trial: bool) -> str:
    return f"kubewright.{scope.name}.{family.value}{'.trial' if trial else ''}"


def _metadata(name: str, scope: Scope) -> Manifest:
    return {"name": name, "labels": {"app.kubernetes.io/managed-by": "kubewright", SCOPE_LABEL: scope.name}}


def _policy(name: str, scope: Scope, family: Family, rails: Sequence[Rail]) -> Manifest:
    variables = [{"name": each, "expression": text} for each, text in VARIABLES[family]]
    for rail in rails:
        both = f"[0, 1].map(i, {rail.offenders})"
        fresh = f"variables.{rail.name}Both[0].filter(x, !(x in variables.{rail.name}Both[1]))"
        variables += [{"name": f"{rail.name}Both", "expression": both}, {"name": rail.name, "expression": fresh}]
    spec = {
        # What cannot be judged is refused: an expression that fails is a mistake of ours, never a way through.
        "failurePolicy": "Fail",
        "matchConstraints": {"matchPolicy": "Equivalent", "resourceRules": list(RULES[family])},
        "variables": variables,
        "validations": [_validation(rail, scope) for rail in rails],
    }
    return {"apiVersion": API_VERSION, "kind": POLICY, "metadata": _metadata(name, scope), "spec": spec}


def _validation(rail: Rail, scope: Scope) -> Manifest:
    ending = f"; allowed by {rail.name} of {scope.name}: {rail.allowed}"
    return {
        "expression": f"variables.{rail.name}.size() == 0",
        "message": f"{rail.name} of {scope.name} allows: {rail.allowed}"[:1000],
        "messageExpression": f"variables.{rail.name}.join('; ') + {literal(ending)}",
        "reason": "Forbidden",
    }


def _binding(name: str, scope: Scope, actions: Sequence[str]) -> Manifest:
    spec: Manifest = {"policyName": name, "validationActions": list(actions)}
    if scope.selector:
        spec["matchResources"] = {"namespaceSelector": scope.selector}
    return {"apiVersion": API_VERSION, "kind": BINDING, "metadata": _metadata(name, scope), "spec": spec}
