"""StatefulSets: what they ask for, and what of it never changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, dicts, dig, text
from kubewright.twin.validation import names
from kubewright.twin.validation.claims import check_claim_spec
from kubewright.twin.validation.fields import FieldError, Internal, invalid, not_supported, quoted, shown
from kubewright.twin.validation.metadata import immutable
from kubewright.twin.validation.numbers import at_most_all, int_or_percent, is_zero, non_negative
from kubewright.twin.validation.selectors import is_readable
from kubewright.twin.validation.workloads import always_restarts, check_selector, check_template

_KEPT = ("Retain", "Delete")
_ROLLING, _ON_DELETE = "RollingUpdate", "OnDelete"


def validate_stateful_set(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a StatefulSet; selector, claims, service and pod management never change."""
    spec = as_dict(obj.get("spec"))
    errors: list[FieldError] = []
    policy = text(spec, "podManagementPolicy")
    if policy not in {"OrderedReady", "Parallel"}:
        errors.append(invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"))
    errors += _strategy(as_dict(spec.get("updateStrategy")))
    for field, kept in as_dict(spec.get("persistentVolumeClaimRetentionPolicy")).items():
        if kept not in _KEPT:
            errors.append(not_supported(f"spec.persistentVolumeClaimRetentionPolicy.{field}", kept, _KEPT))
    for index, claim in enumerate(dicts(spec, "volumeClaimTemplates")):
        errors += check_claim_spec(as_dict(claim.get("spec")), f"spec.volumeClaimTemplates[{index}].spec")
    for field in ("replicas", "minReadySeconds"):
        errors += non_negative(f"spec.{field}", spec.get(field))
    errors += non_negative("spec.ordinals.start", dig(spec, "ordinals", "start"))
    service = text(spec, "serviceName")
    errors += [
        invalid("spec.serviceName", service, problem) for problem in (names.dns_label(service) if service else ())
    ]
    errors += check_selector(spec, "statefulset")
    selector = spec.get("selector")
    if selector is not None and not is_readable(selector):
        errors.append(invalid("spec.selector", selector, ""))
    else:
        errors += check_template(_with_claims(spec), spec)
    errors += always_restarts(spec, "StatefulSet")
    if old is not None:
        for field in ("selector", "volumeClaimTemplates", "serviceName", "podManagementPolicy"):
            errors += immutable(f"spec.{field}", spec.get(field), dig(old, "spec", field))
    return errors


def _strategy(strategy: Manifest) -> Iterator[FieldError]:
    kind, rolling, path = text(strategy, "type"), strategy.get("rollingUpdate"), "spec.updateStrategy"
    if kind == _ON_DELETE and rolling is not None:
        yield invalid(f"{path}.rollingUpdate", rolling, f"only allowed for updateStrategy '{_ROLLING}'")
    elif kind not in {_ROLLING, _ON_DELETE}:
        written = Internal(f'{{"Type":{quoted(kind)},"RollingUpdate":{_shown(rolling)}}}')
        yield invalid(path, written, f"must be '{_ROLLING}' or '{_ON_DELETE}'")
    elif rolling is not None and kind == _ROLLING:
        here, most = f"{path}.rollingUpdate.maxUnavailable", dig(rolling, "maxUnavailable")
        yield from non_negative(f"{path}.rollingUpdate.partition", dig(rolling, "partition"))
        if most is not None:
            yield from int_or_percent(here, most)
            if is_zero(most):
                yield invalid(here, most, "cannot be 0")
            yield from at_most_all(here, most)


def _shown(rolling: Any) -> str:
    """Write a rolling update as the server's own structure, which names its fields otherwise."""
    if rolling is None:
        return "null"
    partition, most = dig(rolling, "partition") or 0, dig(rolling, "maxUnavailable")
    return f'{{"Partition":{partition},"MaxUnavailable":{shown(most)}}}'


def _with_claims(spec: Manifest) -> Manifest:
    """Return the template with a volume for each claim template, as its pods will have."""
    template = as_dict(spec.get("template"))
    pod = as_dict(template.get("spec"))
    claims = [text(claim, "metadata", "name") for claim in dicts(spec, "volumeClaimTemplates")]
    if not claims:
        return template
    added = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]
    kept = [volume for volume in dicts(pod, "volumes") if volume.get("name") not in claims]
    return {**template, "spec": {**pod, "volumes": [*added, *kept]}}
