"""CertificateSigningRequests: what is asked for, and which endpoint may say what became of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from cryptography import x509

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, as_list, dicts, text
from kubewright.twin.signing import EXTENDED_USAGES, KEY_USAGES, RequestError, parse
from kubewright.twin.validation import names
from kubewright.twin.validation.fields import FieldError, duplicate, forbidden, invalid, not_supported, required
from kubewright.twin.validation.specdiff import go_diff

_USAGES = tuple(sorted((*KEY_USAGES, *EXTENDED_USAGES)))
_DECIDED = ("Approved", "Denied")
_FINAL = (*_DECIDED, "Failed")
_LEAST_SECONDS = 600
_SEGMENTS = 2
_SHORT = "may not specify a duration less than 600 seconds (10 minutes)"
_CONDITIONS, _CERTIFICATE = "status.conditions", "status.certificate"


def validate_request(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a request that is made, or whose metadata changes."""
    return [*_validate(obj), *(() if old is None else _changes(obj, old))]


def validate_approval(obj: Manifest, old: Manifest) -> list[FieldError]:
    """Check what the approval endpoint may change: conditions of any type."""
    return [*_validate(obj), *_removed(obj, old)]


def validate_status(obj: Manifest, old: Manifest) -> list[FieldError]:
    """Check what the status endpoint may change: the certificate, and conditions that decide nothing."""
    return [*_validate(obj), *_changes(obj, old)]


def _validate(obj: Manifest) -> Iterator[FieldError]:
    spec = as_dict(obj.get("spec"))
    try:
        parse(text(spec, "request"))
    except RequestError as error:
        yield invalid("spec.request", spec.get("request"), str(error))
    usages = as_list(spec.get("usages"))
    if not usages:
        yield required("spec.usages")
    for index, usage in enumerate(usages):
        if usage not in _USAGES:
            yield not_supported(f"spec.usages[{index}]", usage, _USAGES)
    yield from (
        duplicate(f"spec.usages[{index}]", usage) for index, usage in enumerate(usages) if usage in usages[:index]
    )
    yield from _signer_name(text(spec, "signerName"), "spec.signerName")
    seconds = spec.get("expirationSeconds")
    if isinstance(seconds, int) and seconds < _LEAST_SECONDS:
        yield invalid("spec.expirationSeconds", seconds, _SHORT)
    yield from _conditions(dicts(obj, "status", "conditions"))
    yield from _certificate(text(obj, "status", "certificate"))


def _signer_name(name: str, path: str) -> Iterator[FieldError]:
    if not name:
        yield required(path)
        return
    if name == "kubernetes.io/legacy-unknown":
        yield invalid(path, name, "the legacy signerName is not allowed via this API version")
        return
    segments = name.split("/")
    if len(segments) != _SEGMENTS:
        yield invalid(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")
        return
    domain, signer = segments
    for whole, check in ((domain, names.dns_label), (signer, names.dns_subdomain)):
        wrong = next(((label, problem) for label in whole.split(".") for problem in check(label)), None)
        if wrong is not None:
            yield invalid(path, whole, f'validating label "{wrong[0]}": {wrong[1]}')
        if whole == domain and "." not in domain:
            yield invalid(path, domain, "should be a domain with at least two segments separated by dots")


def _conditions(conditions: list[Manifest]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        path, kind, value = f"{_CONDITIONS}[{index}]", text(condition, "type"), text(condition, "status")
        if not kind:
            yield required(f"{path}.type")
        allowed = ("True",) if kind in _FINAL else ("False", "True", "Unknown")
        if not value:
            yield required(f"{path}.status")
        elif value not in allowed:
            yield not_supported(f"{path}.status", value, allowed)
        if kind in seen:
            yield duplicate(f"{path}.type", kind)
        seen.add(kind)
    if seen.issuperset(_DECIDED):
        told = [f'conditions[{{"type": "{kind}"}}]' for kind in _DECIDED]
        detail = f"must specify at most one of: {', '.join(f'`{each}`' for each in told)}"
        yield invalid(_CONDITIONS, f"{{{', '.join(told)}}}", detail)


def _certificate(encoded: str) -> Iterator[FieldError]:
    if not encoded:
        return
    try:
        x509.load_pem_x509_certificates(base64.b64decode(encoded))
    except (ValueError, binascii.Error):
        detail = "must contain at least one CERTIFICATE PEM block"
        yield FieldError(_CERTIFICATE, "FieldValueInvalid", f'Invalid value: "<certificate data>": {detail}')


def _of_type(obj: Manifest, kind: str) -> list[Manifest]:
    return [each for each in dicts(obj, "status", "conditions") if each.get("type") == kind]


def _removed(obj: Manifest, old: Manifest) -> Iterator[FieldError]:
    for kind in _FINAL:
        if len(_of_type(obj, kind)) < len(_of_type(old, kind)):
            yield forbidden(_CONDITIONS, f'updates may not remove a condition of type "{kind}"')


def _changes(obj: Manifest, old: Manifest) -> Iterator[FieldError]:
    yield from _removed(obj, old)
    for kind in _DECIDED:
        before, after = _of_type(old, kind), _of_type(obj, kind)
        if len(after) > len(before):
            yield forbidden(_CONDITIONS, f'updates may not add a condition of type "{kind}"')
        elif len(after) == len(before) and after != before:
            detail = f'updates may not modify a condition of type "{kind}"\n{go_diff(before, after)}'
            yield forbidden(_CONDITIONS, detail)
    before, after = text(old, "status", "certificate"), text(obj, "status", "certificate")
    if before and after != before:
        yield forbidden(_CERTIFICATE, "updates may not modify existing certificate content")
