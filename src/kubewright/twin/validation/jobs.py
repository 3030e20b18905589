"""Jobs and CronJobs."""

from __future__ import annotations

import re
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, dig, text
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
_FIXED = ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")
_CRON_FIELD = re.compile(r"(?i)^[\d*?/,\-a-z]+$")
_CRON_FIELDS = 5
_FAR_FUTURE_MACROS = {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}


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
    errors += validate_template(spec.get("template"), f"{path}.template")
    return errors + _restart_policy(spec, path)


def _restart_policy(spec: Manifest, path: str) -> list[FieldError]:
    here, policy = f"{path}.template.spec.restartPolicy", text(spec, "template", "spec", "restartPolicy")
    if policy in {"", "Always"}:
        return [required(here, 'valid values: "OnFailure", "Never"')]
    if policy not in {"OnFailure", "Never"}:
        return [not_supported(here, policy, ("OnFailure", "Never"))]
    return []


def validate_cron_job(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a CronJob and the Job that it will make."""
    del old
    spec = as_dict(obj.get("spec"))
    schedule = text(spec, "schedule")
    errors = _schedule(schedule) if schedule else [required("spec.schedule")]
    errors += non_negative("spec.startingDeadlineSeconds", spec.get("startingDeadlineSeconds"))
    policy = text(spec, "concurrencyPolicy")
    if policy not in {"Allow", "Forbid", "Replace"}:
        errors.append(not_supported("spec.concurrencyPolicy", policy, ("Allow", "Forbid", "Replace")))
    errors += _job_template(dig(spec, "jobTemplate"))
    for field in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        errors += non_negative(f"spec.{field}", spec.get(field))
    return errors


def _job_template(template: Any) -> list[FieldError]:
    return _job_spec(as_dict(dig(template, "spec")), "spec.jobTemplate.spec")


def _schedule(schedule: str) -> list[FieldError]:
    path = "spec.schedule"
    if schedule.startswith("@"):
        known = schedule in _FAR_FUTURE_MACROS or schedule.startswith("@every ")
        return [] if known else [invalid(path, schedule, f"unrecognized descriptor: {schedule}")]
    fields = schedule.split()
    if len(fields) != _CRON_FIELDS:
        found = " ".join(fields)
        detail = f"expected exactly {_CRON_FIELDS} fields, found {len(fields)}: [{found}]"
        return [invalid(path, schedule, detail)]
    bad = next((field for field in fields if not _CRON_FIELD.match(field)), None)
    return [] if bad is None else [invalid(path, schedule, f"failed to parse int from {bad}")]
