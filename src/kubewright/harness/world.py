"""What surrounds the operator: an API server, garbage collection, and workloads that come up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from kubewright.api.apiextensions import CRDS
from kubewright.api.apps import REPLICA_SETS
from kubewright.api.core import NAMESPACES, PODS
from kubewright.api.meta import Manifest, PartialObject, Resource
from kubewright.client.protocol import Client
from kubewright.client.rest import RestClient
from kubewright.clock import Clock
from kubewright.harness.quiet import LastingWatches
from kubewright.harness.subject import Subject
from kubewright.harness.workloads import STATES, workloads
from kubewright.runtime.definitions import install
from kubewright.runtime.informer import Informer
from kubewright.twin.caches import OWNERSHIP, Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.garbage import controller as garbage
from kubewright.twin.kinds import KindInfo, KindTable
from kubewright.twin.server import ApiServer

Kinds = frozenset[tuple[str, str]]
"""Group and plural of each kind."""
NAMESPACE_NAMES = ("default", "elsewhere")


def client_of(server: ApiServer) -> Client:
    """Return a client of an administrator."""
    return RestClient(LastingWatches(server), user_agent="harness")


async def boot(subject: Subject, *, seed: int) -> ApiServer:
    """Return a server with the operator's definitions and what its sample needs, and nothing else."""
    server = ApiServer(Clock.virtual(), KindTable.builtin(), seed=seed)
    client = client_of(server)
    given = {each["metadata"]["name"] for each in subject.around if each["kind"] == NAMESPACES.kind}
    names = {*NAMESPACE_NAMES, subject.key.namespace} | {_namespace(each) for each in subject.around}
    for name in sorted(names - given - {""}):
        await client.create(NAMESPACES, {"metadata": {"name": name}})
    operator = subject.made_for(client, server.clock)
    definitions = [each for each in subject.around if each["kind"] == CRDS.kind]
    await install(client, [*operator.definitions, *definitions])
    await asyncio.sleep(0.1)
    for manifest in subject.around:
        if manifest["kind"] != CRDS.kind:
            await client.create(resource_for(server, manifest), manifest, namespace=_namespace(manifest))
    return server


def _namespace(manifest: Manifest) -> str:
    return manifest["metadata"].get("namespace", "")


def resource_for(server: ApiServer, manifest: Manifest) -> Resource[PartialObject]:
    """Return how the server serves a manifest's kind; raises LookupError when it does not."""
    for kind in server.kinds.all():
        if (kind.api_version, kind.kind) == (manifest["apiVersion"], manifest["kind"]):
            return kind.resource(PartialObject)
    raise LookupError(f"{manifest['apiVersion']} {manifest['kind']} is not served")


def every_kind(server: ApiServer) -> Kinds:
    """Return all that may matter: what workloads are made of, and each kind that has an object or a definition."""
    custom = {(kind.group, kind.plural) for kind in server.kinds.all() if kind.custom}
    return frozenset(custom | {(resource.group, resource.plural) for resource in STATES} | _COMMON)


_SETS = (REPLICA_SETS.group, REPLICA_SETS.plural)
_COMMON: Kinds = frozenset(
    {
        _SETS,
        *((("", plural)) for plural in ("configmaps", "secrets", "services", "serviceaccounts")),
        *((("", plural)) for plural in ("persistentvolumeclaims", "namespaces")),
        *(("rbac.authorization.k8s.io", plural) for plural in ("roles", "rolebindings", "clusterroles")),
        ("rbac.authorization.k8s.io", "clusterrolebindings"),
        *(("networking.k8s.io", plural) for plural in ("ingresses", "networkpolicies")),
        ("policy", "poddisruptionbudgets"),
        ("autoscaling", "horizontalpodautoscalers"),
        ("batch", "cronjobs"),
    }
)


def with_surroundings(kinds: Kinds) -> Kinds:
    """Return what matters to an operator, with what comes between its Deployments and the pods that it looks at."""
    return kinds | {_SETS} if (PODS.group, PODS.plural) in kinds else kinds


@asynccontextmanager
async def living(server: ApiServer, kinds: Kinds) -> AsyncGenerator[None]:
    """Let workloads of these kinds come up, and objects of these kinds go when their owners are gone."""
    client, clock = client_of(server), server.clock
    context = Context(client, clock, Caches(client))
    informers = [Informer(client, kind.resource(PartialObject), indexers=OWNERSHIP) for kind in _served(server, kinds)]
    garbage.add_to(context, informers)
    parts = [*informers, *workloads(client, clock, kinds), context]
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(part.run()) for part in parts]
        for informer in informers:
            await informer.wait_synced()
        try:
            yield
        finally:
            for task in running:
                task.cancel()


def _served(server: ApiServer, kinds: Kinds) -> list[KindInfo]:
    found: dict[tuple[str, str], KindInfo] = {}
    for kind in server.kinds.all():
        if (kind.group, kind.plural) in kinds and kind.storage:
            found.setdefault((kind.group, kind.plural), kind)
    return list(found.values())
