"""ValidatingAdmissionPolicies and their bindings: form, and expressions, which are compiled once for each policy.

`compiled_policy` also serves admission, which runs what is compiled here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from kubewright.api.meta import Manifest
from kubewright.expressions.program import Language, Program
from kubewright.expressions.types import BOOL, DYN, STRING, CelType
from kubewright.twin.reading import as_dict, as_list, dicts, text
from kubewright.twin.validation.conditions import compile_expression, compiled_conditions
from kubewright.twin.validation.fields import FieldError, invalid, not_supported, required

_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_ACTIONS = ("Audit", "Deny", "Warn")
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*", re.ASCII)
_NO_CHECKS = "validations or auditAnnotations must contain at least one item"
_BOTH = (
    "must not contain both Deny and Warn (repeating the same validation failure information in the API response and "
    "headers serves no purpose)"
)
_MISSING = "expression is not specified"
_VARIABLES = ("object", "oldObject", "request", "namespaceObject")


@dataclass(frozen=True, slots=True)
class Check:
    """One expression that must hold, and what is said when it does not."""

    program: Program
    message: str
    message_program: Program | None
    reason: str


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """A policy's expressions, and what is wrong with them."""

    conditions: tuple[Program, ...]
    variables: tuple[tuple[str, Program], ...]
    checks: tuple[Check, ...]
    errors: tuple[FieldError, ...]


def compiled_policy(spec: Manifest) -> CompiledPolicy:
    """Return what a policy's spec says; the same text is compiled once."""
    return _compiled(msgspec.json.encode(spec))


@functools.lru_cache(maxsize=256)
def _compiled(encoded: bytes) -> CompiledPolicy:
    spec: Manifest = msgspec.json.decode(encoded)
    errors: list[FieldError] = []
    names = (*_VARIABLES, "params") if spec.get("paramKind") else _VARIABLES
    known: dict[str, CelType] = {name: DYN for name in names}  # noqa: C420  fromkeys has a narrower type
    conditions = compiled_conditions(dicts(spec, "matchConditions"), names)
    errors += conditions.errors("spec.matchConditions")
    fields: dict[str, CelType] = {}
    variables: list[tuple[str, Program]] = []
    for index, each in enumerate(dicts(spec, "variables")):
        path, name = f"spec.variables[{index}]", text(each, "name")
        if not _IDENTIFIER.fullmatch(name):
            errors.append(invalid(f"{path}.name", name, "must be a valid CEL identifier"))
            continue
        language = Language({**known, "variables": CelType("object", fields=dict(fields))})
        program = compile_expression(
            language, text(each, "expression"), f"{path}.expression", None, errors, missing=_MISSING
        )
        if program is not None:
            variables.append((name, program))
            fields[name] = program.result
    language = Language({**known, "variables": CelType("object", fields=fields)})
    checks = [
        check
        for index, each in enumerate(dicts(spec, "validations"))
        for check in _check(language, each, f"spec.validations[{index}]", errors)
    ]
    return CompiledPolicy(conditions.programs, tuple(variables), tuple(checks), tuple(errors))


def _check(language: Language, check: Manifest, path: str, errors: list[FieldError]) -> Iterator[Check]:
    program = compile_expression(
        language, text(check, "expression"), f"{path}.expression", BOOL, errors, missing=_MISSING
    )
    said = text(check, "messageExpression")
    message = compile_expression(language, said, f"{path}.messageExpression", STRING, errors) if said else None
    reason = text(check, "reason")
    if reason and reason not in _REASONS:
        errors.append(not_supported(f"{path}.reason", reason, _REASONS))
    if program is not None:
        yield Check(program, text(check, "message").strip(), message, reason or "Invalid")


def validate_policy(obj: Manifest, _old: Manifest | None) -> list[FieldError]:
    """Check a ValidatingAdmissionPolicy."""
    spec = as_dict(obj.get("spec"))
    errors: list[FieldError] = []
    policy = text(spec, "failurePolicy")
    if policy not in {"Fail", "Ignore"}:
        errors.append(not_supported("spec.failurePolicy", policy, ("Fail", "Ignore")))
    kind = spec.get("paramKind")
    if kind is not None:
        errors += [required(f"spec.paramKind.{name}") for name in ("apiVersion", "kind") if not text(kind, name)]
    if spec.get("matchConstraints") is None:
        errors.append(required("spec.matchConstraints"))
    else:
        errors += _match(as_dict(spec["matchConstraints"]), "spec.matchConstraints", needs_rules=True)
    errors += compiled_policy(spec).errors
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        errors += [required(f"spec.{name}", _NO_CHECKS) for name in ("validations", "auditAnnotations")]
    if spec.get("auditAnnotations"):
        errors.append(invalid("spec.auditAnnotations", None, "the twin does not model audit annotations"))
    return errors


def _match(match: Manifest, path: str, *, needs_rules: bool) -> Iterator[FieldError]:
    rules = dicts(match, "resourceRules")
    if needs_rules and not rules:
        yield required(f"{path}.resourceRules")
    for index, rule in enumerate(rules):
        here = f"{path}.resourceRules[{index}]"
        yield from (
            required(f"{here}.{name}")
            for name in ("operations", "apiGroups", "apiVersions", "resources")
            if not rule.get(name)
        )
        for number, operation in enumerate(as_list(rule.get("operations"))):
            if operation not in _OPERATIONS:
                yield not_supported(f"{here}.operations[{number}]", operation, _OPERATIONS)


def validate_policy_binding(obj: Manifest, _old: Manifest | None) -> list[FieldError]:
    """Check a ValidatingAdmissionPolicyBinding."""
    spec = as_dict(obj.get("spec"))
    errors = [] if text(spec, "policyName") else [required("spec.policyName")]
    reference = spec.get("paramRef")
    if reference is not None:
        errors += _reference(as_dict(reference))
    if spec.get("matchResources") is not None:
        errors += _match(as_dict(spec["matchResources"]), "spec.matchResources", needs_rules=False)
    actions = as_list(spec.get("validationActions"))
    if not actions:
        errors.append(required("spec.validationActions"))
    for index, action in enumerate(actions):
        if action not in _ACTIONS:
            errors.append(not_supported(f"spec.validationActions[{index}]", action, _ACTIONS))
    if {"Deny", "Warn"} <= set(actions):
        errors.append(invalid("spec.validationActions", actions, _BOTH))
    return errors


def _reference(reference: Manifest) -> Iterator[FieldError]:
    if not reference.get("name") and reference.get("selector") is None:
        yield required("spec.paramRef", "one of name or selector must be specified")
    action = text(reference, "parameterNotFoundAction")
    if not action:
        yield required("spec.paramRef.parameterNotFoundAction")
    elif action not in {"Allow", "Deny"}:
        yield not_supported("spec.paramRef.parameterNotFoundAction", action, ("Allow", "Deny"))
