"""What is put to the test: how the operator is made, and the objects that it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from kubewright.api.apiextensions import defined
from kubewright.api.meta import Manifest, ObjectKey, PartialObject, Resource, manifest_key
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.protocol import Client
from kubewright.client.rest import RestClient
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.operators import Operator
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer

Build = Callable[[Operator], None]


class Runs(Protocol):
    """What works until cancelled."""

    async def run(self) -> None:
        """Work."""
        ...


@dataclass(frozen=True, slots=True)
class Subject:
    """An operator, and an object of its kind that it makes something of."""

    name: str
    build: Build
    sample: Manifest
    """The object; its kind is one that the operator defines."""
    around: tuple[Manifest, ...] = ()
    """What must be there before: Secrets that the sample names, other kinds' definitions ..."""
    ignored: frozenset[str] = field(default_factory=frozenset[str])
    """What may depend on history, by path from the object: fields of its status that are not compared, and properties
    of its spec that need not lead where they would have led from the start (what an autoscaler chose stays)."""
    refusals: frozenset[str] = field(default_factory=frozenset[str])
    """Reasons by which it says, not being ready, that what is there can never become what is asked for: a change may
    end so if it leaves everything else as it was, though the changed sample would be made from the start."""
    kept: frozenset[str] = field(default_factory=frozenset[str])
    """Plurals of kinds whose objects it leaves on purpose: claims, for what is stored in them."""
    settles_seconds: float = 300.0
    """How long it may be busy after a change: more for one that by design watches a release for a while."""
    service: Callable[[Operator], Runs] | None = None
    """What runs the operator along with more of its own, where it is not run by itself."""

    def made_for(self, client: Client, clock: Clock) -> Operator:
        """Return the operator, put together on a client."""
        operator = Operator(self.name, client, clock)
        self.build(operator)
        return operator

    async def run(self, client: Client, clock: Clock) -> None:
        """Run it on a client until cancelled."""
        operator = self.made_for(client, clock)
        await (operator if self.service is None else self.service(operator)).run()

    @property
    def key(self) -> ObjectKey:
        """Return the sample's namespace and name."""
        return manifest_key(self.sample)


def resource_of(definition: Manifest, version: str = "") -> Resource[PartialObject]:
    """Return the kind that a CustomResourceDefinition defines, in a version or the stored one."""
    return defined(definition["spec"], PartialObject, version)


def definitions_of(name: str, build: Build) -> list[Manifest]:
    """Return the CustomResourceDefinitions that an operator brings; nothing is started or sent."""
    server = ApiServer(Clock.virtual(), KindTable.builtin())
    operator = Operator(name, RestClient(InProcessTransport(server)), server.clock)
    build(operator)
    return operator.definitions


def subject_of(name: str, build: Build, documents: list[Manifest]) -> Subject:
    """Choose the sample from documents: the first of a kind that the operator defines; the others are around it.

    Raises OpError (INVALID) when there is none.
    """
    definitions = definitions_of(name, build)
    kinds = {(each["spec"]["group"], each["spec"]["names"]["kind"]) for each in definitions}
    for document in documents:
        if (document["apiVersion"].rpartition("/")[0], document["kind"]) in kinds:
            metadata = {"namespace": "default", **document["metadata"]}
            sample = {**document, "metadata": metadata}
            around = tuple(each for each in documents if each is not document)
            return Subject(name, build, sample, around)
    wanted = ", ".join(sorted(kind for _, kind in kinds)) or "kind: it defines none"
    raise OpError("test", ErrorKind.INVALID, name, f"no document is of a kind that the operator defines ({wanted})")
