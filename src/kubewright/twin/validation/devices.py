"""Resource claims, their templates, and device classes: what is asked for; it never changes."""

from __future__ import annotations

from collections.abc import Iterator

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, as_list, dicts, dig, text
from kubewright.twin.validation import names
from kubewright.twin.validation.fields import (
    FieldError,
    duplicate,
    invalid,
    not_supported,
    required,
    too_many,
)

_NO_REQUEST = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
_TWO_SOURCES = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
_MODES = ("All", "ExactCount")
_MOST = 32
_IMMUTABLE = "field is immutable"
_ONE = "exactly one of `exactly` or `firstAvailable` is required"


def validate_claim(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a ResourceClaim."""
    if old is not None:
        return _unchanged(obj, old)
    return list(_devices(as_dict(dig(obj, "spec", "devices")), "spec.devices"))


def validate_template(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a ResourceClaimTemplate."""
    if old is not None:
        return _unchanged(obj, old)
    return list(_devices(as_dict(dig(obj, "spec", "spec", "devices")), "spec.spec.devices"))


def _unchanged(obj: Manifest, old: Manifest) -> list[FieldError]:
    spec = obj.get("spec")
    return [] if spec == old.get("spec") else [invalid("spec", spec, _IMMUTABLE)]


def _devices(devices: Manifest, path: str) -> Iterator[FieldError]:
    requests = dicts(devices, "requests")
    if len(requests) > _MOST:
        yield too_many(f"{path}.requests", len(requests), _MOST)
    seen: set[str] = set()
    for index, request in enumerate(requests):
        here, name = f"{path}.requests[{index}]", text(request, "name")
        yield from _name(name, f"{here}.name", names.dns_label)
        yield from _asked(request, here)
        if name and name in seen:
            yield duplicate(here, name)
        seen.add(name)
    for index, constraint in enumerate(dicts(devices, "constraints")):
        yield from _references(constraint, requests, f"{path}.constraints[{index}]")
    for index, config in enumerate(dicts(devices, "config")):
        yield from _references(config, requests, f"{path}.config[{index}]")


def _name(name: str, path: str, check: names.Check) -> Iterator[FieldError]:
    if not name:
        yield required(path)
    else:
        yield from (invalid(path, name, problem) for problem in check(name))


def _asked(request: Manifest, path: str) -> Iterator[FieldError]:
    exactly, first = request.get("exactly"), as_list(request.get("firstAvailable"))
    if exactly is None and not first:
        yield required(path, _ONE)
    elif exactly is not None and first:
        yield invalid(path, None, f"{_ONE}, but multiple fields are set")
    elif exactly is not None:
        yield from _exactly(as_dict(exactly), f"{path}.exactly")
    else:
        for index, each in enumerate(dicts(request, "firstAvailable")):
            here = f"{path}.firstAvailable[{index}]"
            yield from _name(text(each, "name"), f"{here}.name", names.dns_label)
            yield from _exactly(each, here)


def _exactly(exactly: Manifest, path: str) -> Iterator[FieldError]:
    yield from _name(text(exactly, "deviceClassName"), f"{path}.deviceClassName", names.dns_subdomain)
    mode, count = text(exactly, "allocationMode"), exactly.get("count", 0)
    if mode not in _MODES:
        yield not_supported(f"{path}.allocationMode", mode, _MODES)
    elif mode == "All" and count:
        yield invalid(f"{path}.count", count, "must not be specified when allocationMode is 'All'")
    elif mode == "ExactCount" and count <= 0:
        yield invalid(f"{path}.count", count, "must be greater than zero")


def _references(part: Manifest, requests: list[Manifest], path: str) -> Iterator[FieldError]:
    known = {text(each, "name") for each in requests}
    known |= {f"{text(each, 'name')}/{text(sub, 'name')}" for each in requests for sub in dicts(each, "firstAvailable")}
    for index, name in enumerate(as_list(part.get("requests"))):
        if name not in known:
            yield invalid(f"{path}.requests[{index}]", name, _NO_REQUEST)


def validate_pod_claims(spec: Manifest, path: str) -> Iterator[FieldError]:
    """Check the claims that a pod names: each has a name of its own, and one source."""
    seen: set[str] = set()
    for index, claim in enumerate(dicts(spec, "resourceClaims")):
        here, name = f"{path}.resourceClaims[{index}]", text(claim, "name")
        if not name:
            yield required(f"{here}.name")
        elif name in seen:
            yield duplicate(f"{here}.name", name)
        else:
            yield from (invalid(f"{here}.name", name, problem) for problem in names.dns_label(name))
        seen.add(name)
        sources = [part for part in ("resourceClaimName", "resourceClaimTemplateName") if claim.get(part)]
        if len(sources) > 1:
            yield invalid(here, claim, _TWO_SOURCES)
        elif not sources:
            yield invalid(here, claim, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")
        for part in sources:
            source = text(claim, part)
            yield from (invalid(f"{here}.{part}", source, problem) for problem in names.dns_subdomain(source))
