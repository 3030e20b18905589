"""`kubewright install`: every object taken, every service by its own account, up, back and out, nothing lost."""

import asyncio
import copy
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import asynccontextmanager, contextmanager

import pytest
import yaml

from kubewright.api.meta import ObjectKey
from kubewright.app import Choices, Platform
from kubewright.client.http import HttpTransport
from kubewright.client.kubeconfig import load
from kubewright.client.rest import RestClient
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.install.applying import carry_out, plan
from kubewright.install.changes import asked
from kubewright.install.manifests import manifests
from kubewright.install.removing import found, remove
from kubewright.install.services import PARTS
from kubewright.install.settings import Settings
from kubewright.install.storage import migrate
from tests.contract.asking import PATIENCE_SECONDS, POLL_SECONDS, eventually
from tests.contract.conftest import APP_SERVICE_CRD, remove_app_services
from tests.contract.test_rights import Noting
from tools.cluster.plane import free_ports

SPACE = "kubewright-installed"
OLD = Settings(namespace=SPACE, image="kubewright:0.0.9", services=("workloads", "gpu"), version="0.0.9")
APP = {
    "apiVersion": "app.example.com/v1",
    "kind": "AppService",
    "metadata": {"name": "kept"},
    "spec": {"image": "nginx:1", "replicas": 1, "ports": [{"port": 80}]},
}


def said(cluster, *arguments, code=0, env=None):
    """Run kubewright, and give both of what it says."""
    command = [sys.executable, "-m", "kubewright", *arguments, "--kubeconfig", str(cluster.kubeconfig)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=300, check=False)
    assert done.returncode == code, f"{' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout, done.stderr


def wait(true, what):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, what()
        time.sleep(POLL_SECONDS)


@pytest.fixture
async def installed(cluster, client):
    """The platform as its own command installs it, and nothing of it afterwards."""
    remove_app_services(cluster)
    yield said(cluster, "install", "-n", SPACE, "--replicas", "1", "--wait", "--timeout", "200")[0]
    await gone(cluster, client)


async def gone(cluster, client):
    await remove(client, SPACE, await found(client, SPACE, purge=True), PATIENCE_SECONDS)
    cluster.kubectl("wait", "--for=delete", f"namespace/{SPACE}", "--timeout=180s")


def deployed(cluster, service):
    """Give the pod of a service, and a kubeconfig with the token of its account."""
    name = f"kubewright-{service}"
    deployment = json.loads(cluster.kubectl("-n", SPACE, "get", "deployment", name, "-o", "json").stdout)
    pod = deployment["spec"]["template"]["spec"]
    token = cluster.kubectl("-n", SPACE, "create", "token", pod["serviceAccountName"]).stdout.strip()
    return pod, with_token(cluster, service, token)


def with_token(cluster, name, token):
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"] = [{"name": "account", "user": {"token": token}}]
    for context in config["contexts"]:
        context["context"]["user"] = "account"
    path = cluster.state / f"{name}.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


@contextmanager
def process_of(cluster, service, replica):
    """Run a service as its pod would: by the token of its account, with the arguments of its Deployment."""
    pod, path = deployed(cluster, service)
    (port,) = free_ports(1)
    arguments = [re.sub(r"^0\.0\.0\.0:.*", f"127.0.0.1:{port}", each) for each in pod["containers"][0]["args"]]
    command = [sys.executable, "-m", "kubewright", *arguments, "--kubeconfig", str(path)]
    log = cluster.state / f"{replica}.installed.log"
    variables = {**os.environ, "POD_NAME": replica}
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=variables)
        try:
            yield f"http://127.0.0.1:{port}", log
        finally:
            process.terminate()
            process.wait(timeout=120)


@asynccontextmanager
async def all_at_work(cluster, names):
    """Have services at work in this process, each by the token of its account; what they are refused is noted."""
    transports = [Noting(HttpTransport(load(str(deployed(cluster, name)[1])))) for name in names]
    try:
        async with asyncio.TaskGroup() as tasks:
            platforms = [
                Platform(RestClient(transport), Clock.wall(), choices=Choices(services=(name,)))
                for name, transport in zip(names, transports, strict=True)
            ]
            running = [tasks.create_task(each.run()) for each in platforms]
            yield dict(zip(names, platforms, strict=True)), transports
            for each in running:
                each.cancel()
    finally:
        for each in transports:
            await each.close()


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def leads(url):
    return bool(re.search(r"leader_election_master_status\S* 1\.0", answers(f"{url}/metrics")[1]))


async def test_it_is_installed_and_each_service_works_by_its_own_account(cluster, client, installed, run, namespace):
    kinds = {line.split("/")[0] for line in installed.splitlines()}
    assert {"Namespace", "CustomResourceDefinition", "ClusterRole", "Deployment", "NetworkPolicy"} <= kinds
    assert len(cluster.kubectl("-n", SPACE, "get", "deployments", "-o", "name").stdout.split()) == len(PARTS)
    assert all(each.none for each in (await plan(client, Settings(namespace=SPACE, replicas=1))).changes)
    with (
        process_of(cluster, "workloads", "one") as (first, log),
        process_of(cluster, "workloads", "two") as (second, _),
    ):
        others = [name for name in PARTS if name not in {"workloads", "dashboard"}]
        async with all_at_work(cluster, others) as (platforms, transports):
            await eventually(lambda: _true(all(each.ready for each in platforms.values())))
            assert [refusal for each in transports for refusal in each.refused] == []
        # Of two replicas one leads, and the one that waits for its turn is ready, too.
        wait(lambda: [answers(f"{each}/readyz")[0] for each in (first, second)] == [200, 200], log.read_text)
        wait(lambda: sorted(map(leads, (first, second))) == [False, True], log.read_text)
        run("apply", "-f", "-", stdin=APP)
        run("wait", "--for=condition=Ready", "appservice/kept", "--timeout=180s")
        assert "forbidden" not in log.read_text().lower(), log.read_text()
    uid = run("get", "deployment", "kept", "-o", "jsonpath={.metadata.uid}").stdout
    said(cluster, "uninstall", "-n", SPACE, "--yes")
    assert said(cluster, "uninstall", "-n", SPACE, "--yes") == ("", f"nothing is installed in {SPACE}\n")
    assert cluster.kubectl("-n", SPACE, "get", "deployments,pods,services", "-o", "name").stdout == ""
    there = "jsonpath={.metadata.uid} {.status.readyReplicas}"
    assert run("get", "deployment", "kept", "-o", there).stdout == f"{uid} 1"
    assert run("get", "appservice", "kept", "-o", "jsonpath={.metadata.finalizers}").stdout == ""
    # Nobody is there to take a finalizer off, and nobody needs to: what is deleted goes, and its children with it.
    run("delete", "appservice", "kept", "--timeout=180s")
    run("wait", "--for=delete", "deployment/kept", "--timeout=180s")


async def _true(answer):
    return answer


async def test_upgrade_and_rollback_lose_no_object(cluster, client, namespace, run):
    remove_app_services(cluster)
    old = copy.deepcopy(manifests(OLD))
    for each in old:  # what the release before did not show
        if each["metadata"]["name"] == APP_SERVICE_CRD:
            each["spec"]["versions"][0]["additionalPrinterColumns"].pop()
    try:
        await carry_out(client, await plan(client, OLD, wanted=old))
        cluster.established(APP_SERVICE_CRD)
        run("apply", "-f", "-", stdin=APP)
        uid = run("get", "appservice", "kept", "-o", "jsonpath={.metadata.uid}").stdout

        upgrade = await plan(client, Settings(namespace=SPACE, services=("workloads",)))
        await carry_out(client, upgrade)
        told = [each.told() for each in upgrade.changes]
        assert f"CustomResourceDefinition/{APP_SERVICE_CRD} is changed" in told
        assert f"Deployment/{SPACE}/kubewright-gpu is removed" in told
        assert "ClusterRole/kubewright-gpu is removed" in told
        assert cluster.kubectl("get", "clusterrole", "kubewright-gpu", check=False).returncode != 0
        assert run("get", "appservice", "kept", "-o", "jsonpath={.metadata.uid}").stdout == uid

        newer = await refused(plan(client, OLD, wanted=old))
        assert newer.kind is ErrorKind.CONFLICT
        assert "--downgrade" in newer.detail
        await carry_out(client, await plan(client, OLD, wanted=old, downgrade=True))
        assert run("get", "appservice", "kept", "-o", "jsonpath={.metadata.uid}").stdout == uid
        image = "jsonpath={.spec.template.spec.containers[0].image}"
        assert cluster.kubectl("-n", SPACE, "get", "deployment", "kubewright-gpu", "-o", image).stdout == OLD.image
    finally:
        await gone(cluster, client)


async def refused(asking):
    with pytest.raises(OpError) as caught:
        await asking
    return caught.value


async def test_an_api_server_that_goes_away_in_the_middle_leaves_an_install_that_goes_on(cluster, client):
    class Leaving:
        """A client whose server is away after so many writes."""

        def __init__(self, writes):
            self.left = writes

        def __getattr__(self, name):
            return getattr(client, name)

        async def apply(self, resource, manifest, *, dry_run=False, **options):
            if not dry_run:
                if not self.left:
                    raise OpError("client.apply", ErrorKind.UNAVAILABLE, resource.kind, "connection refused")
                self.left -= 1
            return await client.apply(resource, manifest, dry_run=dry_run, **options)

    settings = Settings(namespace=SPACE, services=("monitoring",))
    few = [each for each in manifests(settings) if each["kind"] != "CustomResourceDefinition"]
    try:
        away = Leaving(4)
        cut = await refused(carry_out(away, await plan(away, settings, wanted=few)))
        assert cut.kind is ErrorKind.UNAVAILABLE
        assert "goes on from there" in cut.detail
        again = await plan(client, settings, wanted=few)
        assert again.record.phase == "Installing"
        await carry_out(client, again)
        done = await plan(client, settings, wanted=few)
        assert done.record.phase == "Installed"
        assert all(each.none for each in done.changes)
    finally:
        await gone(cluster, client)


def test_who_may_not_install_is_told_so_before_anything_is_written(cluster, namespace, run):
    run("create", "serviceaccount", "nobody")
    path = with_token(cluster, "nobody", run("create", "token", "nobody").stdout.strip())
    command = [sys.executable, "-m", "kubewright", "install", "-n", SPACE, "--kubeconfig", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert "forbidden" in done.stderr
    assert cluster.kubectl("get", "namespace", SPACE, check=False).returncode != 0


async def test_objects_follow_the_version_that_is_stored(api, client, define, namespace):
    """Of our kinds each has one version yet: this is the way that the second one will go."""

    def version(name, *, storage):
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        return {"name": name, "served": True, "storage": storage, "schema": {"openAPIV3Schema": schema}}

    first = version("v1alpha1", storage=True)
    names = {"plural": "movers", "singular": "mover", "kind": "Mover", "listKind": "MoverList"}
    group = "install.kubewright.dev"
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"movers.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": names,
            "versions": [version("v1alpha1", storage=True)],
        },
    }
    await define(definition)
    movers = api.of("movers", namespace, root=f"/apis/{group}/v1alpha1")
    await movers.served()
    (
        await movers.create({"apiVersion": f"{group}/v1alpha1", "kind": "Mover", "metadata": {"name": "a"}, "said": 1})
    ).ok()
    crds = api.of("customresourcedefinitions")
    both = [version("v1alpha1", storage=False), version("v1beta1", storage=True)]
    (await crds.merge(f"movers.{group}", {"spec": {"versions": both}})).ok()
    newer = api.of("movers", namespace, root=f"/apis/{group}/v1beta1")
    await newer.served()

    def stored(definition):
        return definition["status"]["storedVersions"]

    assert stored((await crds.get(f"movers.{group}")).ok()) == ["v1alpha1", "v1beta1"]
    key = ObjectKey("", f"movers.{group}")
    assert await migrate(client, key) == 1
    assert await migrate(client, key) == 0
    made = (await crds.get(f"movers.{group}")).ok()
    assert stored(made) == ["v1beta1"]
    assert (await newer.get("a")).ok()["said"] == 1
    # Only now can the old version go; the new one cannot.
    lacking = {**definition, "spec": {**definition["spec"], "versions": [first]}}
    lost = await refused(asked(client, "default", [lacking], there=True))
    assert lost.kind is ErrorKind.CONFLICT
    assert "v1beta1" in lost.detail
