"""Finds what policies scale: how many pods are wanted and which those are. From caches for the usual kinds."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from kubewright.api.apps import DEPLOYMENTS, STATEFUL_SETS
from kubewright.api.autoscaling import Scale, ScaleSpec, ScaleStatus
from kubewright.api.core import PODS, Pod
from kubewright.api.crds.scalepolicy import ScalePolicy
from kubewright.api.meta import KubeObject, Leaf, ObjectKey, Resource
from kubewright.api.selectors import LabelSelector, Selector, parse_label_selector
from kubewright.api.workload import REVISION_HASH, TEMPLATE_HASH
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.informer import Informer
from kubewright.runtime.operators import Operator
from kubewright.runtime.scales import ScaleResource, Scales
from kubewright.scaling.podset import PodSet

BY_LABEL = "label"
_EACH_ITS_OWN = frozenset(
    {
        TEMPLATE_HASH,
        REVISION_HASH,
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
    }
)
"""Labels that no selector of a workload begins with."""


class ScaledSpec(Leaf, frozen=True):
    """How many pods are wanted, and which."""

    replicas: int = 1
    selector: LabelSelector = LabelSelector()


class ScaledStatus(Leaf, frozen=True):
    """How many there are."""

    replicas: int = 0


class Scaled(KubeObject, frozen=True, kw_only=True):
    """A workload, as far as its `scale` shows it."""

    spec: ScaledSpec = ScaledSpec()
    status: ScaledStatus = ScaledStatus()


_USUAL = (DEPLOYMENTS, STATEFUL_SETS)
_NOBODY = PodSet()


@dataclass(frozen=True, slots=True)
class Found:
    """A policy's target: where its scale is written, and what that says, or why there is none."""

    resource: ScaleResource | None
    scale: Scale | str
    pods: PodSet = _NOBODY
    gone: bool = False
    """Whether there is no such target, rather than one that cannot be read just now."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The caches of workloads and pods."""

    scales: Scales
    workloads: dict[tuple[str, str], tuple[ScaleResource, Informer[Scaled]]]
    """By group and kind."""
    pods: Informer[Pod]
    known: dict[ObjectKey, PodSet] = field(default_factory=dict[ObjectKey, PodSet])
    """By policy, as long as they do not change."""

    @classmethod
    def of(cls, operator: Operator) -> Targets:
        """Watch the usual kinds, and pods."""
        workloads = {
            (kind.group, kind.kind): (
                Resource(kind.group, kind.version, kind.plural, kind.kind, Scale),
                operator.informer(Resource(kind.group, kind.version, kind.plural, kind.kind, Scaled)),
            )
            for kind in _USUAL
        }
        return cls(Scales(operator.client), workloads, operator.informer(PODS, indexers={BY_LABEL: _labels}))

    async def find(self, policy: ScalePolicy) -> Found:
        """Return a policy's target as it is now."""
        target, namespace = policy.spec.target, policy.metadata.namespace
        key = ObjectKey(namespace, target.name)
        group = target.api_version.rpartition("/")[0]
        known = self.workloads.get((group, target.kind))
        if known is not None:
            resource, cache = known
            workload = cache.index.get(key)
            if workload is None:
                return Found(None, f'{resource.plural}.{resource.group} "{target.name}" not found', gone=True)
            scale = Scale(
                metadata=workload.metadata,
                spec=ScaleSpec(workload.spec.replicas),
                status=ScaleStatus(workload.status.replicas, str(workload.spec.selector)),
            )
        else:
            try:
                resource, scale = await self.scales.get(target.api_version, target.kind, key)
            except OpError as error:
                return Found(None, error.detail, gone=error.kind is ErrorKind.NOT_FOUND)
        try:
            selector = _selector(scale.status.selector)
        except ValueError as error:
            return Found(None, f"the selector of its scale does not parse: {error}")
        return Found(resource, scale, self._set(policy.key, namespace, selector) if scale.status.selector else _NOBODY)

    def forget(self, policy: ObjectKey) -> None:
        """Forget a policy that is no more."""
        self.known.pop(policy, None)

    def _set(self, policy: ObjectKey, namespace: str, selector: Selector) -> PodSet:
        pods, known = tuple(self._pods(namespace, selector)), self.known.get(policy)
        if known is None or known != pods:
            known = self.known[policy] = PodSet(pods)
        return known

    def _pods(self, namespace: str, selector: Selector) -> Iterable[Pod]:
        index = self.pods.index
        equal = [each for each in selector.requirements if each.operator == "In" and len(each.values) == 1]
        first = next((each for each in equal if each.key not in _EACH_ITS_OWN), None)
        if first is not None:
            pods: Iterable[Pod] = index.by(BY_LABEL, (namespace, first.key, first.values[0]))
            if len(selector.requirements) == 1:
                return pods
        else:
            pods = (pod for pod in index.values() if pod.metadata.namespace == namespace)
        return (pod for pod in pods if selector.matches(pod.metadata.labels))


_selector = lru_cache(maxsize=16_384)(parse_label_selector)


def _labels(pod: Pod) -> Iterable[Hashable]:
    namespace = pod.metadata.namespace
    return [(namespace, key, value) for key, value in pod.metadata.labels.items() if key not in _EACH_ITS_OWN]
