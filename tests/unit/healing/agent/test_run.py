"""The agent on a node of the twin, with a pipe for the kernel's log and real sockets for its neighbours."""

import asyncio
import os
import socket
import threading
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from kubewright.api.conditions import find_condition
from kubewright.api.coordination import LEASES
from kubewright.api.core import EVENTS, NAMESPACES, NODES
from kubewright.api.meta import ObjectKey
from kubewright.api.nodeagent import FENCE, FENCED, NAMESPACE, NEIGHBOURS, SELF_FENCING, UNREACHED, lease_key
from kubewright.clock import Clock
from kubewright.errors import OpError
from kubewright.healing.agent import run as agent_run
from kubewright.healing.agent.checks import Places
from kubewright.healing.agent.neighbours import Reached, ask_all, reaches, serve, since_renewal
from kubewright.healing.agent.run import NodeAgent, Settings
from kubewright.healing.agent.watchdog import Watchdog
from kubewright.twin.cluster import Twin

LIMIT_SECONDS = 60
NODE = ObjectKey("", "node-01")


class SimulatedWatchdog:
    def __init__(self):
        self.waits, self.armed = 0, True

    def wait(self):
        self.waits += 1

    def disarm(self):
        self.armed = False


async def until(holds):
    while not await holds():  # noqa: ASYNC110  bounded by the case's limit
        await asyncio.sleep(0.05)


@asynccontextmanager
async def living(client, settings):
    agent = NodeAgent(client, Clock.wall(), settings)
    running = asyncio.get_running_loop().create_task(agent.run())
    try:
        yield agent
    finally:
        running.cancel()
        await asyncio.wait([running])


async def notes(client):
    try:
        return (await client.get(LEASES, lease_key("node-01"))).metadata.annotations
    except OpError:
        return {}


async def annotate(client, name, text):
    await client.patch(LEASES, lease_key("node-01"), {"metadata": {"annotations": {name: text}}})


def on_a_node(tmp_path, scenario):
    async def run():
        os.mkfifo(tmp_path / "kmsg")
        boot_id = tmp_path / "proc/sys/kernel/random/boot_id"
        boot_id.parent.mkdir(parents=True)
        boot_id.write_text("first\n")
        settings = Settings("node-01", Places(tmp_path), tmp_path / "kmsg", "127.0.0.1", 0)
        async with asyncio.timeout(LIMIT_SECONDS), Twin(Clock.wall(), nodes=1) as twin:
            client = twin.client()
            head = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
            await client.create(NAMESPACES, head)
            await scenario(client, settings, boot_id)

    asyncio.run(run())


@pytest.fixture
def quick(monkeypatch):
    """Let the agent look ten times a second, and a slow machine write."""
    monkeypatch.setattr(agent_run, "_LIMIT_SECONDS", LIMIT_SECONDS)
    monkeypatch.setattr(agent_run, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(agent_run, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(agent_run, "RENEW_SECONDS", 0.1)


@pytest.mark.usefixtures("quick")
def test_what_the_kernel_says_becomes_a_condition_and_an_event(tmp_path):
    async def scenario(client, settings, _):
        async def status(type_):
            found = find_condition((await client.get(NODES, NODE)).status.conditions, type_)
            return found.status if found is not None else ""

        async def is_well():
            return await status("ReadonlyFilesystem") == "False"

        async def is_ill():
            return await status("ReadonlyFilesystem") == "True"

        async def is_told():
            return "FilesystemIsReadOnly" in {each.reason for each in (await client.list(EVENTS)).items}

        async with living(client, settings):
            await until(is_well)
            assert await status("Ready") == "True", "the kubelet's own stay"
            with settings.log.open("wb", buffering=0) as kernel:
                kernel.write(b"6,1,1,-;all is well\n DEVICE=x\n4,2,2,-;EXT4-fs (sda1): Remounting file")
                kernel.write(b"system read-only\nnonsense\n")
                await until(is_ill)
            await until(is_told)

    on_a_node(tmp_path, scenario)


@pytest.mark.usefixtures("quick")
def test_an_agent_whose_log_cannot_be_read_sees_the_rest(tmp_path):
    async def scenario(client, settings, _):
        async with living(client, replace(settings, log=tmp_path / "nothing")):

            async def is_there():
                return find_condition((await client.get(NODES, NODE)).status.conditions, "KubeletUnhealthy") is not None

            await until(is_there)

    on_a_node(tmp_path, scenario)


@pytest.mark.usefixtures("quick")
def test_a_disk_that_hung_and_a_process_that_ends_while_it_is_looked_at_pass(tmp_path, monkeypatch):
    hanging = threading.Event()
    monkeypatch.setattr(agent_run, "_DISKS_SECONDS", 0.2)
    looked = []

    def slow(_):
        hanging.wait(LIMIT_SECONDS)
        return iter(())

    monkeypatch.setattr(agent_run.checks, "disks", slow)

    def gone(_):
        looked.append(None)
        if len(looked) < 3:
            raise ProcessLookupError(3, "No such process")
        return ""

    monkeypatch.setattr(agent_run.checks, "kubelet_run", gone)

    async def scenario(client, settings, _):
        async def reason():
            found = find_condition((await client.get(NODES, NODE)).status.conditions, "DiskFailing")
            return found.reason if found is not None else ""

        async def hangs():
            return await reason() == "DiskHangs"

        async def is_well():
            return await reason() == "NoDiskErrors"

        async with living(client, settings):
            try:
                await until(hangs)
            finally:
                hanging.set()
            await until(is_well)

    on_a_node(tmp_path, scenario)


@pytest.mark.usefixtures("quick")
def test_neighbours_that_are_not_reached_stand_on_the_lease(tmp_path):
    async def scenario(client, settings, _):
        listening = socket.create_server(("127.0.0.1", 0))
        settings = replace(settings, neighbours_kubelet_port=listening.getsockname()[1])
        async with living(client, settings):

            async def is_renewed():
                return bool((await client.list(LEASES, namespace=NAMESPACE)).items)

            await until(is_renewed)
            # An address of a link that is not named is nowhere.
            await annotate(client, NEIGHBOURS, "there=127.0.0.1,away=fe80::1")

            async def is_missed():
                return (await notes(client)).get(UNREACHED) == "away"

            await until(is_missed)
            assert SELF_FENCING not in await notes(client), "nothing is promised without a watchdog"
        listening.close()

    on_a_node(tmp_path, scenario)


@pytest.mark.usefixtures("quick")
def test_a_promise_is_made_with_a_watchdog_and_taken_back_in_good_order(tmp_path):
    async def scenario(client, settings, _):
        watchdog = SimulatedWatchdog()
        async with living(client, replace(settings, arm=lambda: watchdog)) as agent:

            async def is_promised():
                return (await notes(client)).get(SELF_FENCING) == "80" and watchdog.waits > 1

            await until(is_promised)
        await agent.leave()
        assert not watchdog.armed
        assert SELF_FENCING not in await notes(client)

    on_a_node(tmp_path, scenario)


@pytest.mark.usefixtures("quick")
def test_a_promise_that_cannot_be_taken_back_is_kept(tmp_path):
    async def scenario(client, settings, _):
        watchdog = SimulatedWatchdog()
        async with living(client, replace(settings, arm=lambda: watchdog)) as agent:

            async def is_promised():
                return SELF_FENCING in await notes(client)

            await until(is_promised)
        await client.delete(NAMESPACES, ObjectKey("", NAMESPACE))

        async def is_gone():
            return not await notes(client)

        await until(is_gone)
        await agent.leave()
        assert watchdog.armed

    on_a_node(tmp_path, scenario)


@pytest.mark.usefixtures("quick")
def test_a_watchdog_is_let_go_once_no_lease_could_be_renewed_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr(agent_run, "may_run", lambda since, _: since < 1.0)

    async def scenario(client, settings, _):
        watchdog = SimulatedWatchdog()
        async with living(client, replace(settings, arm=lambda: watchdog)):

            async def is_promised():
                return watchdog.waits > 0

            await until(is_promised)
            await client.delete(NAMESPACES, ObjectKey("", NAMESPACE))
            waits = -1
            while waits != watchdog.waits:
                waits = watchdog.waits
                await asyncio.sleep(0.5)
            assert watchdog.armed

    on_a_node(tmp_path, scenario)


@pytest.mark.usefixtures("quick")
def test_a_machine_boots_once_for_an_order_and_says_so_when_it_is_up_again(tmp_path):
    async def scenario(client, settings, boot_id):
        boots = []
        settings = replace(settings, boot=lambda: boots.append(boot_id.read_text()))

        async def is_there():
            return bool((await client.list(LEASES, namespace=NAMESPACE)).items)

        async with living(client, settings):
            await until(is_there)
            await annotate(client, FENCE, "incident-1")

            async def is_booting():
                return bool(boots)

            await until(is_booting)
            assert FENCED not in await notes(client)
        boot_id.write_text("second\n")
        boots.clear()
        async with living(client, settings):

            async def is_fenced():
                return (await notes(client)).get(FENCED) == "incident-1"

            await until(is_fenced)
            await asyncio.sleep(0.5)
            assert boots == []

    on_a_node(tmp_path, scenario)


def test_an_agent_tells_its_neighbours_how_long_ago_it_renewed():
    async def run():
        server = await serve("127.0.0.1", 0, lambda: 12.34)
        port = server.sockets[0].getsockname()[1]
        # One that is too slow to answer in time is asked again.
        while await ask_all(["127.0.0.1", "127.0.0.1"], port) != [12.3, 12.3]:
            pass
        server.close()
        await server.wait_closed()
        assert await since_renewal("127.0.0.1", port) is None

    asyncio.run(asyncio.wait_for(run(), LIMIT_SECONDS))


@pytest.mark.parametrize("said", [b"soon\n", b"", b"9" * 100_000], ids=["no number", "nothing", "without end"])
def test_a_neighbour_that_talks_nonsense_says_nothing(said):
    async def run():
        async def tell(_, writer):
            writer.write(said)
            writer.close()

        server = await asyncio.start_server(tell, "127.0.0.1", 0)
        assert await since_renewal("127.0.0.1", server.sockets[0].getsockname()[1]) is None
        server.close()

    asyncio.run(asyncio.wait_for(run(), LIMIT_SECONDS))


def test_a_machine_that_refuses_is_there_and_one_that_was_missed_once_is_not_missing():
    async def run():
        with socket.create_server(("127.0.0.1", 0)) as bound:
            port = bound.getsockname()[1]
        assert await reaches("127.0.0.1", port, LIMIT_SECONDS)
        assert not await reaches("fe80::1", port, 0.5)
        reached = Reached(port)
        assert await reached.look({"here": "127.0.0.1", "away": "fe80::1"}) == ()
        assert await reached.look({"here": "127.0.0.1", "away": "fe80::1"}) == ("away",)
        assert await reached.look({"here": "127.0.0.1"}) == ()

    asyncio.run(asyncio.wait_for(run(), LIMIT_SECONDS))


def test_what_is_no_watchdog_is_refused(tmp_path):
    with pytest.raises(OpError, match="watchdog"):
        Watchdog(tmp_path / "nothing")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OpError, match="timeout"):
        Watchdog(tmp_path / "file")
