"""Each service with an account of its own: it is refused nothing that it asks for, and given nothing else.

The service runs in this process, over HTTPS, as its ServiceAccount with the roles that `kubewright rbac` prints.
"""

import asyncio
import dataclasses
import json
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest
import yaml
from click.testing import CliRunner

from kubewright.api.crds import all_crds
from kubewright.api.crds.auditrecord import AUDIT_RECORDS, Entry, record_key
from kubewright.app import Choices, Platform
from kubewright.audit import keeper
from kubewright.audit.chain import link
from kubewright.cli.main import cli
from kubewright.client.config import Token
from kubewright.client.http import HttpTransport
from kubewright.client.kubeconfig import load
from kubewright.client.rest import RestClient
from kubewright.clock import Clock
from kubewright.dashboard.serving import Serving
from kubewright.runtime.serving import listen
from tests.contract.asking import PATIENCE_SECONDS, POLL_SECONDS, Api, eventually
from tests.contract.manifests import deployment, pod
from tests.rights import asked_for, given_by, unused

STEP_SECONDS = 1.5
OURS = "kubewright.dev/v1alpha1"
REVIEW_PATH = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
REPEATED = "an Event that repeats is patched, which takes minutes"


class Noting:
    """A transport that notes what was asked for and refused."""

    def __init__(self, inner):
        self.inner, self.used, self.refused = inner, set(), []

    async def send(self, request, *, stream=False):
        response = await self.inner.send(request, stream=stream)
        self.used |= asked_for(request, response.status)
        if response.status == 403:
            self.refused.append(f"{request.method} {request.path} {response.body.decode()}")
        return response

    async def close(self):
        await self.inner.close()


def granted(documents):
    """Give every (verb, group, resource) of the printed ClusterRole."""
    (role,) = (each for each in documents if each["kind"] == "ClusterRole")
    return given_by(role["rules"])


def of(kind, name, spec, version=OURS, **metadata):
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


def using(name, resource):
    container = {"name": "main", "image": "nginx:1", "resources": {"limits": {resource: "1"}}}
    return pod(name, containers=[container])


RAILS = of("PlatformPolicy", "rights", {"exemptNamespaces": ["kube-system"], "rails": {"capabilities": ["ALL"]}})
FEWER = of("PlatformPolicy", "rights", {"rails": {"denyExternalIps": True}})
CRD = "apiextensions.k8s.io"


@dataclasses.dataclass(frozen=True)
class Case:
    """What makes a service use its rights: documents that are applied one after another, and what stays unused.

    Each step's documents come with a right whose use shows that the service has heeded them.
    """

    service: str
    steps: tuple = ()
    left: dict = dataclasses.field(default_factory=dict)


SMALL = {"name": "small", "price": "0.1", "allocatable": {"cpu": "2", "memory": "8Gi"}}
APP = of("AppService", "rights", {"image": "nginx:1", "replicas": 1, "ports": [{"port": 80}]}, "app.example.com/v1")
GPU_POLICY = of(
    "GPUPolicy",
    "rights",
    {"nodeSelector": {"rights": "gpu"}, "mode": "TimeSlicing", "replicas": 4, "namespace": "default"},
)
QUOTA = {"requests.cpu": 1, "requests.memory": "1Gi"}
LIMITS = {"defaultRequest": {"cpu": "100m"}}
ENVIRONMENTS = [{"name": name, "quota": QUOTA, "limits": LIMITS} for name in ("one", "two")]
MEMBERS = [{"name": "ann", "role": "admin"}]
TEAM = of(
    "Team",
    "rights",
    {"members": MEMBERS, "environments": ENVIRONMENTS, "queue": {"weight": 2}, "rails": {"denyExternalIps": True}},
)
LESS = of("Team", "rights", {"members": [], "environments": [{"name": "one", "quota": QUOTA}]})
POLICY = of(
    "ScalePolicy",
    "rights",
    {"target": {"name": "scaled"}, "min": 2, "max": 3, "mode": "reactive", "metrics": [{"cpu": {"percent": 50}}]},
)
SIZES = of("SizePolicy", "rights", {"target": {"name": "scaled"}, "mode": "apply"})
LIMIT = of("DisruptionLimit", "rights", {"nodeSelector": {"rights": "none"}, "nodes": {"maxUnavailable": "1"}})
NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "node-01", "labels": {"rights": "gpu", "nvidia.com/gpu.count": "1"}},
}
AT = "2026-01-01T00:00:00.000000Z"
WRITTEN = Entry(id="rights/1", at=AT, who="rights", why="to be looked after")


def chained(count):
    """Give as many records, from the first on."""
    specs = []
    for place in range(1, count + 1):
        specs.append(link(place, specs[-1]["hash"] if specs else "", "rights", AT, (WRITTEN,)))
    return [of(AUDIT_RECORDS.kind, record_key(each["sequence"]).name, each) for each in specs]


GAP = of(AUDIT_RECORDS.kind, record_key(40).name, link(40, "0" * 64, "rights", AT, (WRITTEN,)))
SLOW = "takes minutes: shown under virtual time, in tests/sim"


def left(reason, *rights):
    return {tuple(each.split("|")): reason for each in rights}


NEVER_READ = "an Event tells of an object that cannot be read, which its definition refuses"
INSTALLED = left(
    "the definition is there", *(f"{verb}|{CRD}|customresourcedefinitions" for verb in ("create", "patch"))
)
EVENT = left(REPEATED, "patch||events") | INSTALLED
PERMITS = left(
    "asked for where a node's GPUs are divided anew, whose agent says so",
    "get||nodes",
    "get||pods",
    "create||pods/eviction",
    *(f"{verb}|kubewright.dev|disruptionledgers" for verb in ("get", "create")),
    "patch|kubewright.dev|disruptionledgers/status",
)
REVIEWS = left(
    "asked about whoever asks for diagnostics: tests/sim/test_rights.py",
    "create|authentication.k8s.io|tokenreviews",
    "create|authorization.k8s.io|subjectaccessreviews",
)
CASES = [
    Case(
        "guardrails",
        (
            ([RAILS], "patch|kubewright.dev|platformpolicies/status"),
            ([FEWER], "delete|admissionregistration.k8s.io|validatingadmissionpolicies"),
        ),
        EVENT,
    ),
    Case("monitoring", (), EVENT | left(SLOW, "create||events")),
    Case("costs"),
    Case(
        "autoscaler",
        (([deployment("scaled"), POLICY], "patch|kubewright.dev|scalepolicies/status"),),
        EVENT | left(SLOW, "delete|autoscaling|horizontalpodautoscalers", "patch|kubewright.dev|scalepolicies"),
    ),
    Case(
        "audit",
        ((chained(keeper.LEAST_PRUNED), "patch|kubewright.dev|auditheads/status"), ([GAP], "create||events")),
        EVENT,
    ),
    Case("dashboard", (), REVIEWS),
    Case(
        "gpu",
        (
            ([NODE, GPU_POLICY], "patch|kubewright.dev|gpupolicies/status"),
            ([LIMIT], "patch|kubewright.dev|disruptionlimits/status"),
        ),
        EVENT | PERMITS | left(NEVER_READ, "create||events"),
    ),
]
"""Those that use all that they have within seconds; of the others `tests/sim/test_used_rights.py` tells."""
OTHERS = {
    "scheduler": ([{**pod("placed"), "spec": {**pod("placed")["spec"], "schedulerName": "kubewright-scheduler"}}],),
    "tenancy": ([TEAM], [LESS], TEAM),
    "sizing": ([deployment("scaled")], [SIZES]),
    "nodes": ([of("NodePool", "rights", {"nodeSelector": {"rights": "pool"}, "types": [SMALL], "max": 2})],),
    "workloads": ([APP],),
    "healing": ([LIMIT], [of("HealingPolicy", "rights", {"mode": "observe"})]),
}


@pytest.fixture
async def account(cluster, api, namespace):
    """Make a service's account as printed; gives the documents and a client that is it."""
    made, clients = [], []

    async def account(service):
        printed = (
            CliRunner().invoke(cli, ["rbac", "-n", namespace, "--service", service], catch_exceptions=False).output
        )
        made.append(printed)
        cluster.kubectl("apply", "-f", "-", stdin=printed)
        documents = list(yaml.safe_load_all(printed))
        name = documents[0]["metadata"]["name"]
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        answer = await api.ask("POST", api.of("serviceaccounts", namespace).at(name, "token"), request)
        config = dataclasses.replace(
            load(str(cluster.kubeconfig)), certificate=None, auth=Token(answer.ok()["status"]["token"])
        )
        noting = Noting(HttpTransport(config))
        clients.append(noting)
        await eventually(lambda: heeded(Api(noting.inner), namespace, documents))
        return documents, noting

    yield account
    for each in clients:
        await each.close()
    for each in made:
        cluster.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=each)


async def heeded(api, namespace, documents):
    """Whether the server's authorizer has heard of all that was given to whoever asks."""
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview"}
    for role in documents:
        if role["kind"] in {"Role", "ClusterRole"}:
            place = {"namespace": role["metadata"].get("namespace", namespace)}
            told = await api.ask("POST", REVIEW_PATH, {**review, "spec": place})
            if not given_by(role["rules"]) <= given_by(told.ok()["status"]["resourceRules"]):
                return False
    return True


@pytest.fixture
def apply(cluster, namespace):
    made = []

    def apply(documents, keep=False):
        """Apply what is listed; a document by itself is deleted."""
        if isinstance(documents, dict):
            done = ["delete", "--wait=false", "-f", "-"]
            cluster.kubectl("-n", namespace, *done, stdin=json.dumps(documents))
            return
        made.extend(each for each in documents if not keep and each["kind"] != "Node")
        listed = {"apiVersion": "v1", "kind": "List", "items": documents}
        cluster.kubectl(
            "-n", namespace, "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(listed)
        )
        kinds = {each["metadata"]["name"] for each in documents if each["kind"] == "CustomResourceDefinition"}
        if kinds:  # of which the next documents may be
            cluster.until(lambda done: kinds <= set(done.stdout.split()), "api-resources", "-o", "name")

    yield apply
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": made[::-1]})
    cluster.kubectl(
        "-n", namespace, "delete", "--ignore-not-found", "--wait=false", "-f", "-", stdin=listed, check=False
    )


@pytest.fixture
def log_of_its_own(cluster, monkeypatch):
    """Begin the audit log anew, and leave none; who keeps it looks at once and again."""

    def empty():
        cluster.kubectl("delete", "--all", "auditrecords,auditheads", check=False)

    monkeypatch.setattr(keeper, "LOOK_SECONDS", 0.5)
    yield empty
    empty()


@asynccontextmanager
async def running(service, noting):
    """Run a service until it has seen the cluster, and on; a refusal ends the wait."""
    serving = Serving(partial(listen, "127.0.0.1", 0), bytes(32))
    choices = Choices(services=(service,), dashboard=serving, audit_keep=0)
    platform = Platform(RestClient(noting), Clock.wall(), choices=choices)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(platform.run())
        await patiently(lambda: platform.ready or noting.refused)
        yield
        task.cancel()


async def patiently(condition):
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():  # noqa: ASYNC110  another process is waited for
                await asyncio.sleep(POLL_SECONDS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.service)
async def test_a_service_is_refused_nothing_and_given_nothing_it_does_not_use(account, apply, request, case):
    documents, noting = await account(case.service)
    apply(all_crds(), keep=True)
    if any("auditrecords" in each for each in granted(documents)):
        request.getfixturevalue("log_of_its_own")()
    allowed = granted(documents)
    wanted = allowed - case.left.keys()
    async with running(case.service, noting):
        for step, right in case.steps:
            apply(step)
            shown = tuple(right.split("|"))
            await patiently(lambda shown=shown: noting.refused or shown in noting.used)
        await patiently(lambda: noting.refused or not unused(wanted, noting.used))
    assert noting.refused == []
    assert sorted(unused(wanted, noting.used)) == [], "given and never used"


@pytest.mark.parametrize("service", OTHERS)
async def test_a_service_is_refused_nothing(account, apply, service):
    _, noting = await account(service)
    apply(all_crds(), keep=True)

    def writes():
        return {verb for verb, _, resource in noting.used if resource != "leases"} & {"create", "patch"}

    async with running(service, noting):
        for step in OTHERS[service]:
            before = len(noting.used)
            apply(step)
            await patiently(lambda before=before: noting.refused or len(noting.used) > before)
            await asyncio.sleep(STEP_SECONDS)
        await patiently(lambda: noting.refused or writes())
    assert noting.refused == []
    assert writes()
