"""ResourceQuota, as far as it is read: what a namespace may hold, and what it holds."""

from __future__ import annotations

from collections.abc import Mapping

from kubewright.api.meta import EMPTY, KubeObject, Leaf, Resource


class ResourceQuotaSpec(Leaf, frozen=True):
    """What is wanted."""

    hard: Mapping[str, str] = EMPTY


class ResourceQuotaStatus(Leaf, frozen=True):
    """What is enforced, and how much of it is used."""

    hard: Mapping[str, str] = EMPTY
    used: Mapping[str, str] = EMPTY


class ResourceQuota(KubeObject, frozen=True, kw_only=True, gc=False):
    """A namespace's quota."""

    spec: ResourceQuotaSpec = ResourceQuotaSpec()
    status: ResourceQuotaStatus = ResourceQuotaStatus()


RESOURCE_QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota", ResourceQuota)
