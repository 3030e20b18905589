"""Causes in what many use: quotas, admission, webhooks, registries, volumes, addresses, finalizers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from kubewright.api.core import PODS, Pod
from kubewright.api.quantity import value
from kubewright.api.resources import STORAGE
from kubewright.api.volumes import CLAIMS
from kubewright.healing.causes.telling import finding, release_of, symptom
from kubewright.healing.finding import Case, Cause, Finding, Level
from kubewright.healing.remedies.releases import LEAVE_TO_KEEPER, ROLL_BACK
from kubewright.healing.remedies.sizes import EXPAND, GROWTH
from kubewright.signals.signal import Fault

_QUOTA = re.compile(r"exceeded quota")
_WEBHOOK = re.compile(r'failed calling webhook "([^"]+)"')
_UNTRUSTED = re.compile(r'failed calling webhook "[^"]+".*x509:')
_SECURITY = re.compile(r"violates PodSecurity")
_ADMISSION = re.compile(r"denied request|ValidatingAdmissionPolicy|admission webhook")
_ACCOUNT = re.compile(r'serviceaccount "([^"]+)" not found', re.IGNORECASE)
_ADDRESSES = re.compile(r"no (?:free|available) IP|failed to allocate (?:for range|IP)|addresses? exhausted")
_AWAY = re.compile(r"[Tt]imeout|deadline exceeded|connection refused|i/o timeout|TLS handshake|no route to host")
_AWAY_SECONDS = 45.0
_STUCK = re.compile(r"Multi-Attach|attachdetach|FailedAttachVolume|timed out waiting for the condition")


def _refused(cause: str, pattern: re.Pattern[str]) -> Callable[[Case], Finding | None]:
    """Return a detector of pods that may not be made, by what the API server said of one."""

    def detect(case: Case) -> Finding | None:
        signals = [each for each in case.of(Fault.PODS_REFUSED) if pattern.search(each.evidence)]
        if not signals:
            return None
        release = release_of(case, [])
        details = {"release": release.metadata.name} if release is not None else {}
        return finding(case, cause, [*signals, *case.of(Fault.ROLLOUT_STUCK)], **details)

    return detect


def _registry_away(case: Case) -> Finding | None:
    signals = [each for each in case.of(Fault.IMAGE_NOT_PULLED) if _AWAY.search(each.evidence)]
    if all(case.now - each.since < _AWAY_SECONDS for each in signals):
        return None  # it may be back in a moment
    return finding(case, "RegistryUnreachable", signals) if signals else None


def _noted(cause: str, pattern: re.Pattern[str]) -> Callable[[Case], Finding | None]:
    def detect(case: Case) -> Finding | None:
        signals = [each for each in case.of(Fault.NOTED) if pattern.search(each.evidence)]
        return finding(case, cause, signals) if signals else None

    return detect


def _full(case: Case) -> Finding | None:
    signals = case.of(Fault.VOLUME_FULL, "KubePersistentVolumeFillingUp")
    claim = case.seen.get(CLAIMS, case.about.key) if case.about.resource.plural == CLAIMS.plural else None
    if not signals or claim is None:
        return None
    size = max(claim.size_bytes, value((claim.status.capacity or {}).get(STORAGE, 0)))
    found = finding(case, "VolumeFull", signals, wanted=str(int(size * GROWTH)))
    users = [each for each in case.seen.within(PODS, claim.metadata.namespace) if claim.metadata.name in _claims(each)]
    suffering = (symptom(fault, each) for each in users for fault in (Fault.REQUESTS_FAIL, Fault.NOT_READY))
    return replace(found, explains=found.explains | frozenset(suffering))


def _claims(pod: Pod) -> list[str]:
    sources = (each.persistent_volume_claim for each in pod.spec.volumes)
    return [each.claim_name for each in sources if each is not None]


def _held(case: Case) -> Finding | None:
    """What was deleted stays, since somebody's finalizer is on it."""
    signals = case.of(Fault.STUCK_TERMINATING)
    if signals and case.about.resource.plural not in case.seen.indexes:
        return finding(case, "StuckFinalizer", signals)  # a kind that is only looked through
    found = case.seen.get(case.about.resource, case.about.key) if signals else None
    if found is None or not found.metadata.finalizers:
        return None
    said = f"it waits for whoever is to take off {', '.join(found.metadata.finalizers)}"
    return finding(case, "StuckFinalizer", signals, said)


def _ends(case: Case) -> Finding | None:
    signals = case.of(Fault.CERTIFICATE_ENDS)
    return finding(case, "CertificateExpiry", signals) if signals else None


_BACK = (LEAVE_TO_KEEPER, ROLL_BACK)
_PODS_REFUSED = frozenset({Fault.PODS_REFUSED})
CAUSES = (
    Cause(
        "CertificateExpiry",
        Level.SHARED,
        "a certificate, or all that a webhook is trusted by, has ended or is about to",
        frozenset({Fault.CERTIFICATE_ENDS}),
        _ends,
        (),
        ("SREGym expired_tls_cert", "certificate expiry"),
    ),
    Cause(
        "WebhookCertificate",
        Level.WORKLOAD,
        "the certificate of a webhook without which pods are not made has expired, or is not trusted",
        _PODS_REFUSED,
        _refused("WebhookCertificate", _UNTRUSTED),
        (),
        ("SREGym admission_webhook_tls_mismatch",),
    ),
    Cause(
        "WebhookOutage",
        Level.WORKLOAD,
        "nobody answers for a webhook without which pods are not made",
        _PODS_REFUSED,
        _refused("WebhookOutage", _WEBHOOK),
        (),
        ("SREGym admission_webhook_outage",),
    ),
    Cause(
        "QuotaExceeded",
        Level.WORKLOAD,
        "a quota leaves no room for a workload's pods",
        _PODS_REFUSED,
        _refused("QuotaExceeded", _QUOTA),
        _BACK,
        ("SREGym namespace_memory_limit",),
    ),
    Cause(
        "PodSecurityRefuses",
        Level.WORKLOAD,
        "a workload's pods are not what the namespace's Pod Security level allows",
        _PODS_REFUSED,
        _refused("PodSecurityRefuses", _SECURITY),
        _BACK,
        ("SREGym psa_restricted_blocks_recreation", "SREGym security_context_fault"),
    ),
    Cause(
        "AccountMissing",
        Level.WORKLOAD,
        "a workload's pods name a ServiceAccount that is not there",
        _PODS_REFUSED,
        _refused("AccountMissing", _ACCOUNT),
        _BACK,
        ("SREGym rbac_misconfiguration",),
    ),
    Cause(
        "AdmissionRefuses",
        Level.WORKLOAD,
        "a policy or a webhook refuses a workload's pods",
        _PODS_REFUSED,
        _refused("AdmissionRefuses", _ADMISSION),
        _BACK,
        ("SREGym mutating_webhook_resource_limits",),
    ),
    Cause(
        "RegistryUnreachable",
        Level.WORKLOAD,
        "a registry does not answer: pods wait for their images",
        frozenset({Fault.IMAGE_NOT_PULLED}),
        _registry_away,
        (),
        ("SREGym image_slow_load",),
        steady_seconds=10.0,
    ),
    Cause(
        "AddressesExhausted",
        Level.WORKLOAD,
        "there are no addresses left for pods",
        frozenset({Fault.NOTED}),
        _noted("AddressesExhausted", _ADDRESSES),
        (),
        ("SREGym pod_cidr_exhaustion",),
    ),
    Cause(
        "VolumeStuck",
        Level.WORKLOAD,
        "a volume is not attached or mounted: it is still elsewhere, or its driver does not answer",
        frozenset({Fault.NOTED}),
        _noted("VolumeStuck", _STUCK),
        (),
        ("SREGym duplicate_pvc_mounts", "SREGym persistent_volume_affinity_violation"),
    ),
    Cause(
        "VolumeFull",
        Level.SHARED,
        "a volume is full",
        frozenset({Fault.VOLUME_FULL, "KubePersistentVolumeFillingUp"}),
        _full,
        (EXPAND,),
        ("Chaos Mesh disk-fill", "SREGym dev_shm_exhaustion"),
    ),
    Cause(
        "StuckFinalizer",
        Level.WORKLOAD,
        "something that was deleted stays, since nobody takes its finalizer off",
        frozenset({Fault.STUCK_TERMINATING}),
        _held,
        (),
        ("SREGym finalizer_deadlock_controller",),
    ),
)
