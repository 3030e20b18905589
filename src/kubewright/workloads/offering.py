"""Knows what SizePolicies offer applications: from a cache, for the controller, or by asking, for who asks once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.sizepolicy import SIZE_POLICIES, SizePolicy
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.children import get_or_none
from kubewright.runtime.informer import Informer
from kubewright.runtime.operators import Operator, Watch
from kubewright.workloads.decide import desired
from kubewright.workloads.kinds import CHILD_KINDS, runner_of
from kubewright.workloads.rollout.sizes import NO_OFFER, Offer, offer_of
from kubewright.workloads.rollout.stage import arrived

_BY_TARGET = "target"
_UNKNOWN = frozenset({ErrorKind.NOT_FOUND, ErrorKind.FORBIDDEN})


@dataclass(frozen=True, slots=True)
class Offers:
    """The cache of SizePolicies, by the application whose pods they may be about."""

    policies: Informer[SizePolicy]

    @classmethod
    def of(cls, operator: Operator) -> Offers:
        """Watch them all."""
        return cls(operator.informer(SIZE_POLICIES, indexers={_BY_TARGET: _apps_of}))

    def watch(self) -> Watch[SizePolicy]:
        """Return what queues an AppService when an offer changes: a release may be wanted for it."""
        return Watch(self.policies, _apps_of)

    def of_app(self, app: AppService) -> Offer:
        """Return what there is for an application's next release."""
        return _offer(app, self.policies.index.by(_BY_TARGET, app.key))


async def arriving(client: Client, app: AppService) -> tuple[Manifest, ...]:
    """Return the children as they will be when the application's release has reached everybody; raises OpError."""
    runner = await get_or_none(client, runner_of(app), app.key)
    serving = runner.spec.get("template") if runner is not None else None
    return arrived(app, desired(app, CHILD_KINDS), serving, await _asked(client, app))


async def _asked(client: Client, app: AppService) -> Offer:
    """Ask for it; a cluster without SizePolicies, or an account that may not read them, offers none."""
    try:
        return _offer(app, (await client.list(SIZE_POLICIES, namespace=app.metadata.namespace)).items)
    except OpError as error:
        if error.kind in _UNKNOWN:
            return NO_OFFER
        raise


def _offer(app: AppService, policies: Iterable[SizePolicy]) -> Offer:
    kind = runner_of(app).kind
    return offer_of(each for each in policies if (each.spec.target.kind, each.spec.target.name) == (kind, app.key.name))


def _apps_of(policy: SizePolicy) -> Iterable[ObjectKey]:
    return (ObjectKey(policy.metadata.namespace, policy.spec.target.name),)
