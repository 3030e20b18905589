"""Saving, loading and copying twins from the command line, and one whose time hurries."""

import asyncio
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from kubewright.api.core import CONFIG_MAPS, NODES, PODS
from kubewright.api.meta import ObjectKey
from kubewright.client.connect import connect
from kubewright.client.kubeconfig import load
from tests.e2e.beside import PATIENCE_SECONDS, end, eventually
from tests.e2e.test_command_line import assert_one_clear_line, kubewright

KEY = ObjectKey("default", "note")


@contextmanager
def served(kubeconfig, *options, command=("serve", "--kubeconfig")):
    """A twin on a socket; what it says is in `said` after the block."""
    arguments = [sys.executable, "-m", "kubewright", "twin", command[0], *options, command[1], str(kubeconfig)]
    log = kubeconfig.with_name(f"{kubeconfig.name}.log")
    with log.open("w") as said:
        process = subprocess.Popen(arguments, stdout=said, stderr=said)

    def begun():
        assert process.poll() is None, log.read_text()
        return kubeconfig.exists()

    try:
        eventually(begun, log.read_text)
        yield process
    finally:
        end(process)
        process.said = log.read_text()
    assert process.returncode == 0, process.said


def asking(kubeconfig, ask):
    async def main():
        client = connect(load(kubeconfig))
        try:
            return await ask(client)
        finally:
            await client.close()

    return asyncio.run(main())


def nodes(kubeconfig):
    """Return whether each node is Ready."""
    found = asking(kubeconfig, lambda client: client.list(NODES)).items
    return {node.metadata.name: node.is_ready for node in found}


def map_names(kubeconfig):
    maps = asking(kubeconfig, lambda client: client.list(CONFIG_MAPS, namespace="default")).items
    return [each.metadata.name for each in maps]


async def write_note(client):
    await client.create(CONFIG_MAPS, {"metadata": {"name": "note"}, "data": {"a": "b"}}, namespace="default")
    return await client.raw("GET", "/api/v1/namespaces/default/configmaps/note")


async def read_note(client):
    return await client.raw("GET", "/api/v1/namespaces/default/configmaps/note")


@pytest.fixture
def saved(tmp_path):
    """A file with a twin of two nodes and a note in it, and the note."""
    kubeconfig, file = tmp_path / "first", tmp_path / "saved.gz"
    with served(kubeconfig, "--nodes", "2"):
        note = asking(kubeconfig, write_note)
        done = kubewright("twin", "save", "--kubeconfig", str(kubeconfig), str(file))
    assert done.returncode == 0, done.stderr
    assert f"objects saved to {file}" in done.stdout
    assert "configmaps: " in done.stderr
    return file, note


def test_a_saved_twin_is_served_again(saved, tmp_path):
    file, note = saved
    again, ended = tmp_path / "second", tmp_path / "end.gz"
    with served(again, "--load", str(file), "--save-to", str(ended)) as process:
        assert asking(again, read_note) == note
        eventually(lambda: nodes(again) == {"node-01": True, "node-02": True}, lambda: nodes(again))
        asking(again, lambda client: client.delete(CONFIG_MAPS, KEY))
    assert f"saved to {ended}" in process.said
    third = tmp_path / "third"
    with served(third, "--load", str(ended), "--nodes", "3"):
        assert len(nodes(third)) == 3
        eventually(lambda: map_names(third) == ["kube-root-ca.crt"], lambda: map_names(third))


def test_a_live_cluster_is_copied_and_served_at_once(saved, tmp_path):
    file, note = saved
    source, copy = tmp_path / "source", tmp_path / "copy"
    with served(source, "--load", str(file)):
        options = ("--kubeconfig", str(source))
        with served(copy, *options, command=("from-cluster", "--serve")):
            assert asking(copy, read_note) == note
            asking(copy, lambda client: client.delete(CONFIG_MAPS, KEY))
            assert asking(source, read_note) == note


def test_a_copy_needs_a_place():
    done = kubewright("twin", "from-cluster")
    assert done.returncode == 2
    assert "--serve" in done.stderr


def test_a_file_that_is_no_saved_cluster_is_refused(tmp_path):
    path = tmp_path / "odd"
    path.write_text("hello")
    assert_one_clear_line(
        kubewright("twin", "serve", "--load", str(path), "--kubeconfig", str(tmp_path / "k")), str(path), "invalid"
    )


def test_minutes_pass_in_a_moment_beside_clients_of_the_wall_clock(tmp_path):
    kubeconfig = tmp_path / "fast"

    async def start_and_wait(client):
        notes = {"twin.kubewright.dev/start-seconds": "100", "twin.kubewright.dev/ready-seconds": "60"}
        pod = {
            "metadata": {"name": "slow", "annotations": notes},
            "spec": {"containers": [{"name": "m", "image": "x"}]},
        }
        await client.create(PODS, pod, namespace="default")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (await client.get(PODS, ObjectKey("default", "slow"))).is_ready:
                # A watch's time hurries, too: it may end before.
                async for event in client.watch(PODS, namespace="default", send_initial_events=True):
                    if event.obj is not None and event.obj.is_ready:
                        break
        return await client.raw("GET", "/api/v1/namespaces/default/pods/slow")

    begun = time.monotonic()
    with served(kubeconfig, "--nodes", "1", "--speed", "100"):
        pod = asking(kubeconfig, start_and_wait)
    assert time.monotonic() - begun < 100 + 60
    assert pod["status"]["phase"] == "Running"
