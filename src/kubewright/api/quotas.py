"""ResourceQuota and LimitRange, as far as they are read: what a namespace may hold, and what each in it."""

from __future__ import annotations

from collections.abc import Mapping

from kubewright.api.meta import EMPTY, KubeObject, Leaf, Resource
from kubewright.api.quantity import Quantity


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


class LimitRangeItem(Leaf, frozen=True):
    """Between which bounds each of a type is."""

    type: str = ""
    min: Mapping[str, Quantity] = EMPTY
    max: Mapping[str, Quantity] = EMPTY


class LimitRangeSpec(Leaf, frozen=True):
    """The bounds."""

    limits: tuple[LimitRangeItem, ...] = ()


class LimitRange(KubeObject, frozen=True, kw_only=True, gc=False):
    """What containers, pods and claims of a namespace may ask for."""

    spec: LimitRangeSpec = LimitRangeSpec()


LIMIT_RANGES = Resource("", "v1", "limitranges", "LimitRange", LimitRange)
