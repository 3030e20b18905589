"""Whether anything has a say in writes: asked by those who write in the server's own process without a request.

Renewals of leases (`renewals.py`) and events (`eventwrites.py`) are by far the most frequent writes of a cluster. They
go past what a request passes through only while nobody there would change, delay or refuse them.
"""

from __future__ import annotations

from kubewright.store.versioned import Bucket, VersionedStore

_ADMISSION = "admissionregistration.k8s.io"
_INTERVENING: tuple[Bucket, ...] = (
    (_ADMISSION, "validatingadmissionpolicybindings"),
    (_ADMISSION, "mutatingadmissionpolicybindings"),
    (_ADMISSION, "validatingwebhookconfigurations"),
    (_ADMISSION, "mutatingwebhookconfigurations"),
    ("twin.kubewright.dev", "faults"),
)
_QUOTAS: Bucket = ("", "resourcequotas")


def somebody_intervenes(store: VersionedStore) -> bool:
    """Tell whether there is a policy, a webhook or a fault, which writes have to be shown to."""
    return store.holds_any(*_INTERVENING)


def counted_by_quota(store: VersionedStore, namespace: str) -> bool:
    """Tell whether a quota counts what there is in a namespace."""
    return store.holds_any(_QUOTAS) and bool(store.list(_QUOTAS, namespace)[0])
