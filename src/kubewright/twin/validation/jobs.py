"""Jobs and CronJobs."""

from __future__ import annotations

import re
from typing import Any

from kubewright.api.cron import load_zone, parse_cron
from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, dicts, dig, text
from kubewright.twin.validation.fields import FieldError, invalid, not_supported, required
from kubewright.twin.validation.metadata import immutable
from kubewright.twin.validation.numbers import non_negative
from kubewright.twin.validation.pods import validate_template
from kubewright.twin.validation.selectors import is_readable, matches, validate_selector

_COUNTS = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)
_INDEXED_ONLY = "requires indexed completion mode"
_FIXED = ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")
_CRON_JOB_NAME = 52
"""The Jobs' names are longer by a dash and ten digits."""
_ZONE_PART = re.compile(r"[A-Za-z.\-_0-9+]{1,14}")


def validate_job(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a Job; its selector and its template never change."""
    spec = as_dict(obj.get("spec"))
    errors = _job_spec(spec, "spec")
    selector = spec.get("selector")
    if selector is None:
        # Without manualSelector the server makes one from the uid that it gives.
        return [*errors, required("spec.selector")] if spec.get("manualSelector") else errors
    errors += validate_selector(selector, "spec.selector")
    labels = dig(spec, "template", "metadata", "labels")
    if is_readable(selector) and not matches(selector, as_dict(labels)):
        detail = "`selector` does not match template `labels`"
        errors.append(invalid("spec.template.metadata.labels", labels, detail))
    if old is not None:
        errors += _update(spec, as_dict(old.get("spec")))
    return errors


def _update(spec: Manifest, old: Manifest) -> list[FieldError]:
    indexed = text(spec, "completionMode") == "Indexed" and spec.get("completions") == spec.get("parallelism")
    errors = [] if indexed else immutable("spec.completions", spec.get("completions"), old.get("completions"))
    errors += immutable("spec.selector", spec.get("selector"), old.get("selector"))
    if not old.get("suspend"):
        errors += immutable("spec.template", spec.get("template"), old.get("template"))
    for field in _FIXED:
        errors += immutable(f"spec.{field}", spec.get(field), old.get(field))
    return errors


def _job_spec(spec: Manifest, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in _COUNTS:
        errors += non_negative(f"{path}.{field}", spec.get(field))
    mode = text(spec, "completionMode")
    if mode and mode not in {"NonIndexed", "Indexed"}:
        errors.append(not_supported(f"{path}.completionMode", mode, ("NonIndexed", "Indexed")))
    if mode == "Indexed" and spec.get("completions") is None:
        errors.append(required(f"{path}.completions", "when completion mode is Indexed"))
    if mode in {"", "NonIndexed"}:
        counts = ((name, spec.get(name)) for name in ("backoffLimitPerIndex", "maxFailedIndexes"))
        errors += [invalid(f"{path}.{name}", given, _INDEXED_ONLY) for name, given in counts if given is not None]
    policy = spec.get("successPolicy")
    if policy is not None:
        errors += _success_policy(policy, f"{path}.successPolicy", indexed=mode == "Indexed")
    errors += validate_template(spec.get("template"), f"{path}.template")
    return errors + _restart_policy(spec, path)


def _success_policy(policy: Any, path: str, *, indexed: bool) -> list[FieldError]:
    rules = dicts(policy, "rules")
    if not indexed:
        shown: dict[str, Any] = {
            "Rules": [
                {"SucceededIndexes": rule.get("succeededIndexes"), "SucceededCount": rule.get("succeededCount")}
                for rule in rules
            ]
        }
        return [invalid(path, shown, _INDEXED_ONLY)]
    if not rules:
        return [required(f"{path}.rules", "at least one rules must be specified when the successPolicy is specified")]
    detail = "at least one of succeededCount or succeededIndexes must be specified"
    return [
        required(f"{path}.rules[{number}]", detail)
        for number, rule in enumerate(rules)
        if rule.get("succeededCount") is None and rule.get("succeededIndexes") is None
    ]


def _restart_policy(spec: Manifest, path: str) -> list[FieldError]:
    here, policy = f"{path}.template.spec.restartPolicy", text(spec, "template", "spec", "restartPolicy")
    if policy in {"", "Always"}:
        return [required(here, 'valid values: "OnFailure", "Never"')]
    if policy not in {"OnFailure", "Never"}:
        return [not_supported(here, policy, ("OnFailure", "Never"))]
    return []


def validate_cron_job(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a CronJob and the Job that it will make."""
    spec, before = as_dict(obj.get("spec")), as_dict(old.get("spec")) if old is not None else None
    schedule = text(spec, "schedule")
    errors = _schedule(schedule, spec, before) if schedule else [required("spec.schedule")]
    errors += non_negative("spec.startingDeadlineSeconds", spec.get("startingDeadlineSeconds"))
    if before is None or before.get("timeZone") != spec.get("timeZone"):
        errors += _time_zone(spec.get("timeZone"))
    policy = text(spec, "concurrencyPolicy")
    if policy not in {"Allow", "Forbid", "Replace"}:
        errors.append(not_supported("spec.concurrencyPolicy", policy, ("Allow", "Forbid", "Replace")))
    errors += _job_template(dig(spec, "jobTemplate"))
    for field in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        errors += non_negative(f"spec.{field}", spec.get(field))
    name = text(obj, "metadata", "name")
    if old is None and len(name) > _CRON_JOB_NAME:
        errors.append(invalid("metadata.name", name, f"must be no more than {_CRON_JOB_NAME} characters"))
    return errors


def _job_template(template: Any) -> list[FieldError]:
    spec, path = as_dict(dig(template, "spec")), "spec.jobTemplate.spec"
    errors = _job_spec(spec, path)
    if spec.get("selector") is not None:
        errors.append(invalid(f"{path}.selector", spec["selector"], "`selector` will be auto-generated"))
    if spec.get("manualSelector"):
        errors.append(not_supported(f"{path}.manualSelector", value=True, supported=("nil", "false")))
    return errors


def _schedule(schedule: str, spec: Manifest, before: Manifest | None) -> list[FieldError]:
    path, errors = "spec.schedule", list[FieldError]()
    try:
        parse_cron(schedule)
    except ValueError as error:
        errors.append(invalid(path, schedule, str(error)))
    if "TZ" in schedule:
        if before is None or "TZ" not in text(before, "schedule"):
            detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
            errors.append(invalid(path, schedule, detail))
        elif spec.get("timeZone") is not None:
            detail = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
            errors.append(invalid(path, schedule, detail))
    return errors


def _time_zone(zone: Any) -> list[FieldError]:
    path = "spec.timeZone"
    if zone is None:
        return []
    if not zone:
        return [invalid(path, zone, "timeZone must be nil or non-empty string")]
    parts = str(zone).split("/")
    if any(part in {".", ".."} or part.startswith("-") or not _ZONE_PART.fullmatch(part) for part in parts):
        return [invalid(path, zone, f"unknown time zone {zone}")]
    errors: list[FieldError] = []
    if zone.lower() == "local":
        detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        errors.append(invalid(path, zone, detail))
        if zone == "Local":
            return errors
    try:
        load_zone(zone)
    except ValueError as error:
        errors.append(invalid(path, zone, str(error)))
    return errors
