"""What is taken out, and what speaks against it: services that somebody else keeps, or another installation."""

import pytest

from kubewright.api.apiextensions import CRDS
from kubewright.api.core import NAMESPACES
from kubewright.api.crds.appservice import APP_SERVICE_CRD, APP_SERVICES
from kubewright.api.meta import ObjectKey
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.clock import Clock, run_virtual
from kubewright.errors import ErrorKind, OpError
from kubewright.install.kinds import INSTALLER, MANAGED_BY, RECORDS, RUNNING, marked
from kubewright.install.manifests import groups
from kubewright.install.removing import found, held, remove
from kubewright.install.settings import Settings
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer

HERE, THERE = "here", "there"


def on_a_server(scenario):
    """Run it with a client of a server that knows AppServices, and two namespaces."""

    async def main():
        client = RestClient(InProcessTransport(ApiServer(Clock.virtual(), KindTable.builtin())))
        await client.create(CRDS, APP_SERVICE_CRD)
        for name in (HERE, THERE):
            await client.create(NAMESPACES, {"metadata": {"name": name}})
        return await scenario(client)

    return run_virtual(main())


def deployment(namespace):
    (found,) = (each for each in groups(Settings(namespace=namespace))["gpu"] if each["kind"] == "Deployment")
    return found


def kept_by(manifest, **labels):
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "labels": {**metadata["labels"], **labels}}}


def test_nothing_is_nothing():
    async def scenario(client):
        return await found(client, HERE, purge=False), await held(client)

    assert on_a_server(scenario) == ([], 0)


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (marked(deployment(THERE), THERE), "installed in there, not in here: use -n"),
        (kept_by(deployment(HERE), **{MANAGED_BY: "Helm"}), "Helm keeps it: remove it there first"),
        (deployment(HERE), "kubectl, or somebody else, keeps it"),
    ],
    ids=["another installation", "Helm's", "kubectl's"],
)
@pytest.mark.parametrize("purge", [False, True], ids=["kinds stay", "purge"])
def test_services_that_go_on_running_speak_against_it(manifest, words, purge):
    async def scenario(client):
        await client.apply(RUNNING, manifest, field_manager="somebody")
        with pytest.raises(OpError, match=words) as refused:
            await found(client, HERE, purge=purge)
        return refused.value.kind

    assert on_a_server(scenario) is ErrorKind.CONFLICT


def test_what_is_installed_here_goes_whatever_else_there_is():
    async def scenario(client):
        await client.apply(RUNNING, marked(deployment(THERE), THERE), field_manager=INSTALLER)
        await client.apply(RUNNING, marked(deployment(HERE), HERE), field_manager=INSTALLER)
        await client.create(RECORDS, {"metadata": {"name": "kubewright-release"}}, namespace=HERE)
        return [each.told() for each in await found(client, HERE, purge=False)]

    assert on_a_server(scenario) == [
        "Deployment/here/kubewright-gpu is removed",
        "ConfigMap/here/kubewright-release is removed",
    ]


def test_what_is_held_after_somebody_elses_installation_is_let_go():
    async def scenario(client):
        finalizers = ["kubewright.dev/children", "example.com/theirs"]
        app = {"metadata": {"name": "web", "finalizers": finalizers}, "spec": {"image": "nginx:1"}}
        await client.create(APP_SERVICES, app, namespace=THERE)
        before = await held(client)
        free = await remove(client, HERE, await found(client, HERE, purge=False), 1)
        live = await client.get(APP_SERVICES, ObjectKey(THERE, "web"))
        return before, free, await held(client), list(live.metadata.finalizers)

    assert on_a_server(scenario) == (1, 1, 0, ["example.com/theirs"])
