"""The contract suite's clusters: the embedded one and the real control plane, each asked over HTTPS as a user would.

What the real one answers is the specification. A case gets an `api` (whole documents), a `client` (kubewright's own)
and a `namespace` of its own. KUBEWRIGHT_TWIN and KUBEWRIGHT_CONTROL_PLANE may name kubeconfigs of running ones, which
are then used and left running.
"""

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubewright.api.core import NAMESPACES
from kubewright.api.meta import ObjectKey
from kubewright.client.connect import connect
from kubewright.client.http import HttpTransport
from kubewright.client.kubeconfig import load
from tests.contract.asking import PATIENCE_SECONDS, POLL_SECONDS, Api, eventually
from tests.contract.manifests import deployment
from tests.contract.sequences.pair import paired
from tools.cluster import ControlPlane, kubectl_path

NODES = 3
START_SECONDS = 300
READY = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'
APP_SERVICE_CRD = "appservices.app.example.com"
APP_SERVICES_ROOT = "/apis/app.example.com/v1"
OUR_SCHEDULER = "kubewright-scheduler"
RUNNING = {"twin": "KUBEWRIGHT_TWIN", "control-plane": "KUBEWRIGHT_CONTROL_PLANE"}


@dataclass(frozen=True)
class Cluster:
    """A running API server with nodes."""

    name: str
    kubeconfig: Path
    state: Path

    def kubectl(
        self, *arguments: str, stdin: str = "", check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl against it; `check` fails the test when kubectl fails, showing what it said."""
        command = [str(kubectl_path()), *arguments]
        variables = self.environment() | environment
        done = subprocess.run(
            command, input=stdin, text=True, capture_output=True, env=variables, timeout=300, check=False
        )
        if check:
            assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done

    def established(self, name: str) -> None:
        """Wait until a definition is served, and kubectl finds its kind.

        Of one without any condition yet kubectl makes an error, not a wait. A server tells of a new kind a little
        after it serves it.
        """
        self.until(
            lambda done: done.returncode == 0, "wait", "--for=condition=Established", f"crd/{name}", "--timeout=180s"
        )
        found = ("api-resources", "--api-group", name.partition(".")[2], "-o", "name")
        self.until(lambda done: name in done.stdout.split(), *found)

    def until(
        self, enough: Callable[[subprocess.CompletedProcess[str]], bool], *arguments: str, **options: str
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl again and again until what it says is enough; a failure shows what it said last."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not enough(done := self.kubectl(*arguments, check=False, **options)):
            assert time.monotonic() < deadline, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
            time.sleep(POLL_SECONDS)
        return done

    def environment(self) -> dict[str, str]:
        """Give the variables that point kubectl here, with a cache of what is served that nobody else fills."""
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": str(self.state / "kubectl")}


def pytest_generate_tests(metafunc):
    if "cluster" in metafunc.fixturenames:
        names = metafunc.config.getoption("--cluster") or ["twin"]
        metafunc.parametrize("cluster", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def cluster(request, tmp_path_factory):
    state = tmp_path_factory.mktemp(request.param)
    starts = {"twin": start_twin, "control-plane": start_control_plane}
    start = attach if os.environ.get(RUNNING[request.param]) else starts[request.param]
    with start(request.param, state) as started:
        yield started


@contextmanager
def attach(name, state):
    started = Cluster(name, Path(os.environ[RUNNING[name]]), state)
    if "True" in started.kubectl("get", "nodes", "-o", READY).stdout:
        yield started
    else:
        with nodes(started):
            yield started


@contextmanager
def start_twin(name, state):
    kubeconfig = state / "kubeconfig"
    command = ["twin", "serve", "--nodes", str(NODES), "--kubeconfig", str(kubeconfig)]
    with kubewright(state / "twin.log", *command) as process:
        wait_for(kubeconfig, process)
        yield Cluster(name, kubeconfig, state)


@contextmanager
def start_control_plane(name, state):
    with ControlPlane.start(state) as plane:
        started = Cluster(name, plane.kubeconfig, state)
        with nodes(started):
            yield started


@contextmanager
def nodes(cluster):
    command = ["twin", "nodes", "--nodes", str(NODES), "--kubeconfig", str(cluster.kubeconfig)]
    with kubewright(cluster.state / "nodes.log", *command) as process:
        deadline = time.monotonic() + START_SECONDS
        while cluster.kubectl("get", "nodes", "-o", READY).stdout.split() != ["True"] * NODES:
            assert time.monotonic() < deadline, f"the nodes are not ready after {START_SECONDS} s"
            time.sleep(0.5)
        yield process


@contextmanager
def kubewright(log, *arguments):
    """Run a kubewright command beside the tests."""
    with log.open("w") as output:
        command = [sys.executable, "-m", "kubewright", *arguments]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=120)


def wait_for(path, process):
    deadline = time.monotonic() + START_SECONDS
    while not path.exists():
        assert process.poll() is None, "the embedded cluster ended before it served"
        assert time.monotonic() < deadline, f"no kubeconfig after {START_SECONDS} s"
        time.sleep(0.05)


@pytest.fixture
async def client(cluster):
    client = connect(load(str(cluster.kubeconfig)))
    yield client
    await client.close()


@pytest.fixture
async def api(cluster):
    transport = HttpTransport(load(str(cluster.kubeconfig)))
    yield Api(transport)
    await transport.close()


@pytest.fixture(scope="session")
def pair(request, tmp_path_factory):
    """Both API servers at once, without controllers, where both clusters are asked for."""
    if not set(RUNNING) <= set(request.config.getoption("--cluster") or ()):
        pytest.skip("compares both clusters: --cluster twin --cluster control-plane")
    with paired(tmp_path_factory.mktemp("pair")) as started:
        yield started


numbers = itertools.count(1)


@pytest.fixture
async def namespace(client, api):
    name = f"case-{os.getpid()}-{next(numbers)}"
    await client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    async def usable():
        # Pods are refused before their namespace has its default account. The certificate comes at a moment of its
        # own: in the middle of a case it would be one object, one event and one unit of a quota more.
        account = await api.of("serviceaccounts", name).get("default")
        certificate = await api.of("configmaps", name).get("kube-root-ca.crt")
        return account.status == certificate.status == 200

    await eventually(usable)
    yield name
    await client.delete(NAMESPACES, ObjectKey("", name))


@pytest.fixture
def run(cluster, namespace):
    """Run kubectl in the case's namespace."""

    def run(*arguments, stdin="", check=True, **environment):
        if stdin and not isinstance(stdin, str):
            stdin = json.dumps(stdin)
        return cluster.kubectl("-n", namespace, *arguments, stdin=stdin, check=check, **environment)

    return run


@pytest.fixture
def said(run):
    """What kubectl prints, without the last newline."""

    def said(*arguments, **options):
        return run(*arguments, **options).stdout.rstrip("\n")

    return said


@pytest.fixture
def web(run):
    """A Deployment of two pods, rolled out."""
    run("create", "-f", "-", stdin=deployment("web", 2))
    run("rollout", "status", "deployment/web", "--timeout=180s")
    return "deployment/web"


@pytest.fixture
async def define(api):
    """Define kinds that are served when the call returns and removed after the case."""
    crds = api.of("customresourcedefinitions")
    defined = []

    async def define(definition):
        (await crds.create(definition)).ok()
        defined.append(definition["metadata"]["name"])
        return await crds.becomes(definition["metadata"]["name"], established)

    yield define
    for name in defined:
        await crds.delete(name)


def established(definition):
    conditions = definition.get("status", {}).get("conditions") or []
    return any((each["type"], each["status"]) == ("Established", "True") for each in conditions)


@pytest.fixture
async def things(api, namespace, define):
    """Give the collection of a newly defined kind in the case's namespace."""

    async def things(definition, version="v1"):
        made = await define(definition)
        plural = made["spec"]["names"]["plural"]
        collection = api.of(plural, namespace, root=f"/apis/{made['spec']['group']}/{version}")
        await collection.served()
        return collection

    return things


@pytest.fixture
def app_service_kind(cluster):
    """Define the AppService for a while: with a manifest of one's own, or (empty) not at all beforehand."""
    return lambda manifest: app_service_defined(cluster, manifest)


@pytest.fixture(scope="module")
def module_app_service_kind(cluster):
    return lambda manifest: app_service_defined(cluster, manifest)


@contextmanager
def app_service_defined(cluster, manifest):
    """The definition is the whole cluster's: whoever changes it begins and ends without it."""
    remove_app_services(cluster)
    if manifest:
        cluster.kubectl("apply", "-f", "-", stdin=manifest)
        cluster.established(APP_SERVICE_CRD)
    yield
    remove_app_services(cluster)


def remove_app_services(cluster):
    cluster.kubectl("delete", "crd", APP_SERVICE_CRD, "--ignore-not-found", "--wait=false")
    # Objects that an ended platform still holds would keep the definition for ever.
    held = cluster.kubectl(
        "get",
        "appservices",
        "-A",
        "-o",
        "jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name}\n{end}",
        check=False,
    )
    for line in held.stdout.splitlines():
        namespace, name = line.split()
        clear = '{"metadata":{"finalizers":null}}'
        cluster.kubectl("-n", namespace, "patch", "appservice", name, "--type=merge", "-p", clear, check=False)
    cluster.kubectl("wait", "--for=delete", f"crd/{APP_SERVICE_CRD}", "--timeout=180s")


def platform_on(cluster):
    """Run the platform against a cluster for a while."""
    return service_on(cluster, "up")


def service_on(cluster, *command):
    options = ["--kubeconfig", str(cluster.kubeconfig), "--no-leader-elect", "--listen", "127.0.0.1:0"]
    return kubewright(cluster.state / f"{command[:2][-1]}.log", *command, *options)


def scheduler_on(cluster):
    """Run the platform's scheduler beside the cluster's own for a while."""
    return service_on(cluster, "run", "scheduler")


@pytest.fixture(scope="module")
def scheduler(cluster):
    """`kubewright run scheduler` beside the cases; its pods name `OUR_SCHEDULER`."""
    with scheduler_on(cluster) as process:
        yield process


@pytest.fixture(scope="module")
def platform(cluster, module_app_service_kind):
    """`kubewright up` beside the cases, on the definition that it brings itself."""
    with module_app_service_kind(""), platform_on(cluster) as process:
        yield process
        # Whatever the cases left goes while somebody is there to take the finalizers off.
        cluster.kubectl("delete", "appservices", "--all", "--all-namespaces", "--timeout=180s", check=False)


@pytest.fixture
async def apps(api, namespace, platform):
    apps = api.of("appservices", namespace, root=APP_SERVICES_ROOT)
    await apps.served()
    yield apps
    # The namespace can only go when the platform has let go of what is in it.
    (await api.ask("DELETE", apps.path)).ok()

    async def empty():
        return await apps.names() == []

    await eventually(empty, apps.list)
