"""ValidatingAdmissionPolicies: CEL expressions that every write they are bound to must meet.

Called for each create, update and delete after all other checks; without bindings that is one look into the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.expressions.program import EvaluationError, Program
from kubewright.store.versioned import VersionedStore
from kubewright.twin import status
from kubewright.twin.admission.matching import conditions_hold, label_selector, matches
from kubewright.twin.admission.operation import Operation
from kubewright.twin.reading import as_dict, as_list, text
from kubewright.twin.registry import Registry
from kubewright.twin.validation.policies import Check, CompiledPolicy, compiled_policy

_GROUP = "admissionregistration.k8s.io"
_POLICIES, _BINDINGS = (_GROUP, "validatingadmissionpolicies"), (_GROUP, "validatingadmissionpolicybindings")
_CODES = {"Invalid": 422, "Forbidden": 403, "RequestEntityTooLarge": 413}
_MAX_MESSAGE_BYTES = 5 * 1024
_OWN = frozenset(
    {
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
    }
)


@dataclass(frozen=True, slots=True)
class _Denial:
    message: str
    reason: str = "Invalid"


def check(registry: Registry, operation: Operation) -> None:
    """Hold a write against the policies that are bound to it; raises StatusError, or warns."""
    bindings = registry.store.list(_BINDINGS)[0]
    target = operation.target
    if not bindings:
        return
    if target.kind.group == _GROUP and target.kind.plural in _OWN:
        return
    # All are asked, so that those that only warn do; the first refusal is the answer.
    refusals: list[status.StatusError] = []
    for record in bindings:
        binding = as_dict(record.obj.get("spec"))
        found = registry.store.get(_POLICIES, ObjectKey("", text(binding, "policyName")))
        if found is None:
            continue
        spec = as_dict(found.obj.get("spec"))
        constraints, narrower = as_dict(spec.get("matchConstraints")), as_dict(binding.get("matchResources"))
        if not matches(registry.store, constraints, operation) or not matches(registry.store, narrower, operation):
            continue
        names = f"'{found.key.name}' with binding '{record.key.name}'"
        for denial in _denials(registry, spec, binding, operation):
            actions = as_list(binding.get("validationActions"))
            if "Warn" in actions:
                told = f"Validation failed for ValidatingAdmissionPolicy {names}: {denial.message}"
                registry.warnings.append(told)
            if "Deny" in actions:
                refusals.append(_refusal(operation, names, denial))
    if refusals:
        raise refusals[0]


def _refusal(operation: Operation, names: str, denial: _Denial) -> status.StatusError:
    told = f"ValidatingAdmissionPolicy {names} denied request: {denial.message}"
    metadata = as_dict((operation.obj or operation.old or {}).get("metadata"))
    refused = status.forbidden(operation.target.kind, metadata.get("name", ""), told, causes=[{"message": told}])
    return status.StatusError(_CODES.get(denial.reason, 422), denial.reason, refused.message, refused.details)


def _denials(registry: Registry, spec: Manifest, binding: Manifest, operation: Operation) -> Iterator[_Denial]:
    policy = compiled_policy(spec)
    params, problem = _params(registry, as_dict(spec.get("paramKind")), as_dict(binding.get("paramRef")), operation)
    ignored = text(spec, "failurePolicy") == "Ignore"
    if problem:
        if not ignored:
            yield _Denial(f"failed to configure binding: {problem}")
        return
    known = _variables(registry, operation)
    for param in params:
        yield from _broken(policy, {**known, "params": param}, ignored=ignored)


def _broken(policy: CompiledPolicy, variables: dict[str, Any], *, ignored: bool) -> Iterator[_Denial]:
    try:
        if not conditions_hold(policy.conditions, variables):
            return
    except EvaluationError as error:
        if not ignored:
            yield _Denial(str(error))
        return
    composed = _Composed(policy, variables)
    for each in policy.checks:
        try:
            holds = composed.run(each.program)
        except EvaluationError as error:
            if not ignored:
                yield _Denial(f"expression '{each.program.source}' resulted in error: {error}")
            continue
        if holds is not True:
            yield _Denial(_message(each, composed), each.reason)


def _message(check: Check, composed: _Composed) -> str:
    said: object = ""
    if check.message_program is not None:
        try:
            said = composed.run(check.message_program)
        except EvaluationError:
            said = ""
    said = said.strip() if isinstance(said, str) else ""
    if "\n" in said or len(said.encode()) > _MAX_MESSAGE_BYTES:
        said = ""
    return said or check.message or f"failed expression: {check.program.source.strip()}"


class _Composed:
    """A policy's own variables over those of the request; one that has no value matters only where it is used."""

    def __init__(self, policy: CompiledPolicy, known: dict[str, Any]) -> None:
        self._programs = policy.variables
        self._failures: dict[str, EvaluationError] = {}
        self._values: dict[str, Any] | None = None
        self._known = known

    def run(self, program: Program) -> Any:
        """Evaluate an expression; raises EvaluationError, a failed variable's own where that is why."""
        if self._values is None:
            self._values = {}
            self._fill(self._values)
        return self._run(program, self._values)

    def _run(self, program: Program, values: dict[str, Any]) -> Any:
        try:
            return program.run({**self._known, "variables": values})
        except EvaluationError as error:
            cause = self._failures.get(str(error).removeprefix("no such key: "))
            if cause is not None:
                raise cause from error
            raise

    def _fill(self, values: dict[str, Any]) -> None:
        for name, program in self._programs:
            try:
                values[name] = self._run(program, values)
            except EvaluationError as error:
                told = f'composited variable "{name}" fails to evaluate: {error}'
                self._failures[name] = EvaluationError(told)


def _variables(registry: Registry, operation: Operation) -> dict[str, Any]:
    target = operation.target
    own = target.kind.kind == "Namespace" and not target.kind.group
    record = None if own else registry.store.get(("", "namespaces"), ObjectKey("", target.namespace))
    return {
        "object": operation.obj,
        "oldObject": operation.old,
        "request": operation.request(registry.user),
        "namespaceObject": None if record is None or not target.namespace else record.obj,
    }


def _params(
    registry: Registry, kind: Manifest, reference: Manifest, operation: Operation
) -> tuple[list[Manifest | None], str]:
    """Return what a binding's parameters are, or what is wrong with them."""
    if not kind:
        return [None], ""
    if not reference:
        return [None], ""
    info = registry.kinds.by_kind(text(kind, "apiVersion"), text(kind, "kind"))
    if info is None:
        shown = f"{text(kind, 'apiVersion')}, Kind={text(kind, 'kind')}"
        return [], f"failed to find resource referenced by paramKind: '{shown}'"
    namespace = text(reference, "namespace") or (operation.target.namespace if info.namespaced else "")
    found = _found(registry.store, (info.group, info.plural), namespace, reference)
    if found:
        return [*found], ""
    if text(reference, "parameterNotFoundAction") == "Deny":
        return [], "no params found for policy binding with `Deny` parameterNotFoundAction"
    return [], ""


def _found(store: VersionedStore, bucket: tuple[str, str], namespace: str, reference: Manifest) -> list[Manifest]:
    if reference.get("name"):
        record = store.get(bucket, ObjectKey(namespace, text(reference, "name")))
        return [] if record is None else [record.obj]
    selector = label_selector(as_dict(reference.get("selector")))
    records = store.list(bucket, namespace)[0]
    return [each.obj for each in records if selector.matches(as_dict(each.obj["metadata"].get("labels")))]
