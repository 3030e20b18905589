"""What Deployments and StatefulSets are made of, ready at once: for operators that look at pods.

At most three pods stand for all of one. They are the surroundings' own: no snapshot shows them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from kubewright.api.apps import DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS
from kubewright.api.core import PODS
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.meta import EMPTY, Manifest, ObjectKey, Resource, rfc3339
from kubewright.api.owners import is_owned_by, owner_reference
from kubewright.api.revisions import REVISION
from kubewright.api.workload import TEMPLATE_HASH
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.harness.snapshot import SURROUNDINGS

MOST_PODS = 3
RELEASE = "harness.kubewright.dev/template"
"""On the pods of StatefulSets: which template they are of."""
_DEPLOYMENTS, _SETS, _STATEFUL, _PODS = map(live_resource, (DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS, PODS))
_REFUSED = frozenset({ErrorKind.INVALID, ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND})


@dataclass(frozen=True, slots=True)
class Fleets:
    """Makes what a Deployment is made of, and takes away what is of another template than its present one."""

    client: Client
    clock: Clock
    state: Callable[[LiveObject, str], Manifest]
    """A pod and the time -> its status once it is up."""

    async def fit(self, deployment: LiveObject) -> bool:
        """Let the pods be as the Deployment wants them; False when the server does not take them."""
        manifest = _set_of(deployment)
        name, wanted = manifest["metadata"]["name"], manifest["spec"]["replicas"]
        try:
            sets = await self._owned(_SETS, deployment)
            present = await self._present(manifest, sets)
            for other in sets:
                await self._shrink(other, 0 if other.metadata.name != name else wanted)
            for number in range(min(wanted, MOST_PODS)):
                await self._pod(_SETS, present, ObjectKey(deployment.metadata.namespace, f"{name}-{number}"))
        except OpError as error:
            if error.kind in _REFUSED:
                return False
            raise
        return True

    async def fit_stateful(self, stateful: LiveObject) -> bool:
        """Let the pods of a StatefulSet be those of its template, one of each name."""
        metadata, wanted = stateful.metadata, min(stateful.spec.get("replicas", 1), MOST_PODS)
        template = {RELEASE: digest_of(stateful.spec["template"])}
        names = [f"{metadata.name}-{number}" for number in range(wanted)]
        try:
            for pod in await self._owned(_PODS, stateful):
                if pod.metadata.name not in names or not template.items() <= pod.metadata.annotations.items():
                    await self.client.delete(_PODS, pod)
            for name in names:
                await self._pod(_STATEFUL, stateful, ObjectKey(metadata.namespace, name), template)
        except OpError as error:
            if error.kind in _REFUSED:
                return False
            raise
        return True

    async def _owned(self, resource: Resource[LiveObject], owner: LiveObject) -> list[LiveObject]:
        listing = await self.client.list(resource, namespace=owner.metadata.namespace)
        return [each for each in listing.items if is_owned_by(each, owner)]

    async def _present(self, manifest: Manifest, sets: list[LiveObject]) -> LiveObject:
        """Return the ReplicaSet of the present template, which is the newest revision."""
        numbers = {each.metadata.name: int(each.metadata.annotations[REVISION]) for each in sets}
        name, newest = manifest["metadata"]["name"], max(numbers.values(), default=0)
        found = next((each for each in sets if each.metadata.name == name), None)
        if found is None:
            manifest["metadata"]["annotations"] = {SURROUNDINGS: "", REVISION: str(newest + 1)}
            return await self.client.create(_SETS, manifest, namespace=manifest["metadata"]["namespace"])
        if numbers[name] < newest:
            note = {"metadata": {"annotations": {REVISION: str(newest + 1)}}}
            await self.client.patch(_SETS, found.key, note)
        return found

    async def _shrink(self, each: LiveObject, replicas: int) -> None:
        if each.spec.get("replicas") != replicas:
            await self.client.patch(_SETS, each.key, {"spec": {"replicas": replicas}})
        for number, pod in enumerate(await self._owned(_PODS, each)):
            if number >= replicas:
                await self.client.delete(_PODS, pod)

    async def _pod(
        self, kind: Resource[LiveObject], owner: LiveObject, key: ObjectKey, noted: Mapping[str, str] = EMPTY
    ) -> None:
        template = owner.spec["template"]
        metadata = {
            **template["metadata"],
            "namespace": key.namespace,
            "name": key.name,
            "annotations": {**template["metadata"].get("annotations", {}), SURROUNDINGS: "", **noted},
            "ownerReferences": [owner_reference(owner, kind)],
        }
        try:
            manifest = {"metadata": metadata, "spec": {"containers": _simple(template["spec"])}}
            pod = await self.client.create(_PODS, manifest, namespace=key.namespace)
        except OpError as error:
            if error.kind is ErrorKind.ALREADY_EXISTS:
                return
            raise
        status = self.state(pod, rfc3339(self.clock.now()))
        await self.client.patch(_PODS, key, {"status": status}, subresource="status")


def _simple(spec: Mapping[str, Any]) -> list[Manifest]:
    """Return the containers without what a server could refuse: the accounts, volumes and devices of a real cluster."""
    return [{"name": each["name"], "image": each.get("image", "")} for each in spec["containers"]]


def digest_of(template: Mapping[str, Any]) -> str:
    """Return what tells one template from another."""
    return hashlib.sha256(msgspec.json.encode(template, order="deterministic")).hexdigest()[:10]


def _set_of(deployment: LiveObject) -> Manifest:
    template, replicas = deployment.spec["template"], deployment.spec.get("replicas", 1)
    digest, metadata = digest_of(template), template["metadata"]
    labels = {**metadata.get("labels", {}), TEMPLATE_HASH: digest}
    selector = {"matchLabels": {**deployment.spec["selector"].get("matchLabels", {}), TEMPLATE_HASH: digest}}
    return {
        "metadata": {
            "namespace": deployment.metadata.namespace,
            "name": f"{deployment.metadata.name}-{digest}",
            "labels": labels,
            "ownerReferences": [owner_reference(deployment, _DEPLOYMENTS)],
        },
        "spec": {
            "replicas": replicas,
            "selector": selector,
            "template": {**template, "metadata": {**metadata, "labels": labels}},
        },
    }
