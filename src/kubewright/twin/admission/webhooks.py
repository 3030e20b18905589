"""Admission webhooks: asked by HTTPS about writes that their rules match.

Called after all plugins of its half: the mutating ones one after the other, the validating ones all at once. Asking
raises `Unanswered` until the server has the answers (`webhooks.questions`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kubewright.api.meta import Manifest
from kubewright.errors import OpError
from kubewright.expressions.program import EvaluationError
from kubewright.store.patch.json_patch import apply_json_patch
from kubewright.twin import status
from kubewright.twin.admission.matching import conditions_hold, object_selected, rule_covers, selected_by_namespace
from kubewright.twin.admission.operation import Operation
from kubewright.twin.conversion import in_version, stored_form
from kubewright.twin.kinds import KindInfo
from kubewright.twin.media import private_copy
from kubewright.twin.reading import as_dict, dicts, text
from kubewright.twin.registry import Registry
from kubewright.twin.rules import complete, decode_error
from kubewright.twin.validation.conditions import WEBHOOK_VARIABLES, compiled_conditions
from kubewright.twin.validation.decoding import refused_as
from kubewright.twin.webhooks.hooks import GROUP, Hook, address_of
from kubewright.twin.webhooks.questions import Question, Reply
from kubewright.twin.webhooks.review import FailedCallError, Verdict, denial, question, verdict_of


def _exempt(operation: Operation) -> bool:
    """Nobody is asked about the configuration of admission itself."""
    return operation.target.kind.group == GROUP


def mutate(registry: Registry, operation: Operation, again: Callable[[], None]) -> None:
    """Let webhooks change the object, in place; `again` runs the plugins once more when one did.

    Those that are to be asked again when others changed the object are, once (`reinvocationPolicy`).
    """
    if not registry.hooks.mutating or _exempt(operation):
        return
    first = _Round(registry, operation)
    if not first.run(registry.hooks.mutating):
        return
    before = private_copy(operation.obj) if operation.obj is not None else None
    again()
    if operation.obj != before:
        first.wanted |= first.reinvocable
    _Round(registry, operation).run([hook for hook in registry.hooks.mutating if _id(hook) in first.wanted])


def _id(hook: Hook) -> tuple[str, int]:
    return hook.configuration, hook.index


@dataclass(slots=True)
class _Round:
    """One pass through the mutating webhooks."""

    registry: Registry
    operation: Operation
    reinvocable: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    """Asked, and to be asked again if a later one changes the object."""
    wanted: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])

    def run(self, hooks: Sequence[Hook]) -> bool:
        """Ask them in turn; tells whether one changed the object."""
        changed = False
        for hook in hooks:
            seen = seen_as(self.registry, hook, self.operation)
            if seen is None:
                continue
            if self._ask(hook, seen):
                changed = True
                self.wanted |= self.reinvocable
                self.reinvocable.clear()
            if text(hook.content, "reinvocationPolicy") == "IfNeeded":
                self.reinvocable.add(_id(hook))
        return changed

    def _ask(self, hook: Hook, seen: KindInfo) -> bool:
        asked = _question(self.registry, hook, self.operation, seen)
        [reply] = _replies(self.registry, [asked])
        verdict = _verdict(self.registry, hook, asked, reply, mutating=True)
        if verdict is None or not verdict.patch:
            return False
        obj = self.operation.obj
        if obj is None:
            detail = "attempted to modify the object, which is not supported for this operation"
            raise _internal(f'admission webhook "{hook.name}" {detail}')
        changed = _patched(self.registry, self.operation, obj, seen, verdict)
        if changed == obj:
            return False
        obj.clear()
        obj.update(changed)
        return True


def _patched(registry: Registry, operation: Operation, obj: Manifest, seen: KindInfo, verdict: Verdict) -> Manifest:
    kind = operation.target.kind
    try:
        patched = private_copy(apply_json_patch(_shown(registry, kind, seen, obj), verdict.patch))
    except OpError as error:
        raise _internal(error.detail) from error
    if not operation.target.subresource or operation.target.subresource == "status":
        problem = decode_error(seen, patched)
        if problem:
            raise _internal(refused_as(seen, problem))
        complete(seen, patched, pruning=True)
    return patched if seen is kind else in_version(kind, stored_form(seen, patched, registry.kinds))


def check(registry: Registry, operation: Operation) -> None:
    """Ask the validating webhooks, all at once; raises the first refusal."""
    if not registry.hooks.validating or _exempt(operation):
        return
    matched = [
        (hook, seen)
        for hook, seen in ((hook, seen_as(registry, hook, operation)) for hook in registry.hooks.validating)
        if seen is not None
    ]
    questions = [_question(registry, hook, operation, seen) for hook, seen in matched]
    for (hook, _), asked, reply in zip(matched, questions, _replies(registry, questions), strict=True):
        _verdict(registry, hook, asked, reply, mutating=False)


def _replies(registry: Registry, questions: Sequence[Question]) -> list[Reply]:
    if registry.memory is None:
        raise status.internal("webhooks were configured while the request ran")
    return registry.memory.replies(questions)


def _verdict(registry: Registry, hook: Hook, asked: Question, reply: Reply, *, mutating: bool) -> Verdict | None:
    """Return what a webhook says, None when it failed and may; raises its refusal."""
    try:
        verdict = verdict_of(asked, reply, mutating=mutating)
    except FailedCallError as error:
        if hook.ignores_failure:
            return None
        raise _internal(f'failed calling webhook "{hook.name}": {error}') from error
    registry.warnings.extend(verdict.warnings)
    if not verdict.allowed:
        raise denial(hook.name, verdict.result)
    return verdict


def _question(registry: Registry, hook: Hook, operation: Operation, seen: KindInfo) -> Question:
    kind = operation.target.kind
    obj, old = (None if each is None else _shown(registry, kind, seen, each) for each in (operation.obj, operation.old))
    request = {**operation.request(registry.user, seen), "object": obj, "oldObject": old}
    return question(hook, address_of(registry.store, as_dict(hook.content.get("clientConfig"))), request)


def _shown(registry: Registry, kind: KindInfo, seen: KindInfo, obj: Manifest) -> Manifest:
    return obj if seen is kind else in_version(seen, stored_form(kind, obj, registry.kinds))


def seen_as(registry: Registry, hook: Hook, operation: Operation) -> KindInfo | None:
    """Return the version in which a webhook wants to see the write; None when it is not about it."""
    content, target = hook.content, operation.target
    if not selected_by_namespace(registry.store, content.get("namespaceSelector"), operation):
        return None
    if not object_selected(content.get("objectSelector"), operation):
        return None
    seen = _covered(registry, hook, operation)
    conditions = dicts(content, "matchConditions")
    if seen is None or not conditions:
        return seen
    variables = {
        "object": operation.obj,
        "oldObject": operation.old,
        "request": operation.request(registry.user, seen),
    }
    compiled = compiled_conditions(conditions, WEBHOOK_VARIABLES)
    try:
        return seen if conditions_hold(compiled.programs, variables) else None
    except EvaluationError as error:
        if hook.ignores_failure:
            return None
        raise status.forbidden(target.kind, operation.object_name, str(error)) from error


def _covered(registry: Registry, hook: Hook, operation: Operation) -> KindInfo | None:
    kind = operation.target.kind
    if any(rule_covers(rule, operation, kind) for rule in hook.rules):
        return kind
    if text(hook.content, "matchPolicy") == "Exact":
        return None
    others = registry.kinds.equivalents(kind)
    return next((other for rule in hook.rules for other in others if rule_covers(rule, operation, other)), None)


def _internal(message: str) -> status.StatusError:
    error = status.internal(message)
    return status.StatusError(error.code, error.reason, error.message, {"causes": [{"message": message}]})
