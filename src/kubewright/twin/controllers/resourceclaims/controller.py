"""The resource claim controller: makes a pod's claims from templates and says on the pod which they are."""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.api.core import PODS
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.pods import Pod
from kubewright.client.protocol import Client, PatchType
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.controller import Done, RequeueAfter, watch_own
from kubewright.runtime.informer import Informer
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.resourceclaims.decide import ANNOTATION, claim_of, wanted
from kubewright.twin.controllers.writes import Announce, Patch, Writer
from kubewright.twin.reading import as_dict, dicts, text

NAME = "resourceclaim-controller"
_MANAGER = "kube-controller-manager"
_ROOT = "/apis/resource.k8s.io/v1/namespaces"
_RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ClaimReconciler:
    """One pod's turn."""

    client: Client
    pods: Informer[Pod]
    writer: Writer

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Make what the pod lacks."""
        pod = self.pods.index.get(key)
        if pod is None or not pod.spec.resource_claims:
            return Done()
        stored = await self._get(f"/api/v1/namespaces/{key.namespace}/pods/{key.name}")
        if stored is None or text(stored, "metadata", "uid") != pod.metadata.uid:
            return Done()
        known = {text(each, "name"): text(each, "resourceClaimName") for each in _statuses(stored)}
        missing = list(wanted(pod, known))
        if not missing:
            return Done()
        own = await self._own(pod)
        for each in missing:
            template_name = each.resource_claim_template_name or ""
            template = None
            if each.name not in own:
                template = await self._get(f"{_ROOT}/{key.namespace}/resourceclaimtemplates/{template_name}")
                if template is None:
                    await self._complain(pod, each.name, template_name)
                    return RequeueAfter(_RETRY_SECONDS)
                own[each.name] = await self._create(claim_of(pod, each.name, template))
        statuses = [{"name": each.name, "resourceClaimName": own[each.name]} for each in missing]
        changes = {"status": {"resourceClaimStatuses": statuses}}
        await self.writer.do_one(Patch(PODS, key, pod.metadata.uid, changes, "status", patch_type=PatchType.STRATEGIC))
        return Done()

    async def _get(self, path: str) -> Manifest | None:
        try:
            return await self.client.raw("GET", path)
        except OpError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise

    async def _own(self, pod: Pod) -> dict[str, str]:
        """Return the claims that were made for the pod before it could be told."""
        listed = await self.client.raw("GET", f"{_ROOT}/{pod.metadata.namespace}/resourceclaims")
        return {
            text(claim, "metadata", "annotations", ANNOTATION): text(claim, "metadata", "name")
            for claim in dicts(listed, "items")
            if any(each.get("uid") == pod.metadata.uid for each in dicts(claim, "metadata", "ownerReferences"))
        }

    async def _create(self, claim: Manifest) -> str:
        namespace = text(claim, "metadata", "namespace")
        path = f"{_ROOT}/{namespace}/resourceclaims"
        made = await self.client.raw("POST", path, query={"fieldManager": _MANAGER}, body=claim)
        return text(made, "metadata", "name")

    async def _complain(self, pod: Pod, name: str, template: str) -> None:
        told = f'resource claim template "{template}": resourceclaimtemplate.resource.k8s.io "{template}" not found'
        message = f"PodResourceClaim {name}: {told}"
        await self.writer.do_one(Announce(PODS, pod, "Warning", "FailedResourceClaimCreation", message))


def _statuses(pod: Manifest) -> list[Manifest]:
    return dicts(as_dict(pod.get("status")), "resourceClaimStatuses")


def add_to(context: Context) -> None:
    """Wire the controller."""
    pods = context.caches.pods
    queue = context.queue(NAME, ObjectKey)
    watch_own(pods, queue)
    context.controller(NAME, ClaimReconciler(context.client, pods, context.writer(NAME)), queue, (pods,))
