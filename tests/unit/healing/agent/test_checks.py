"""What is asked of the node itself, of real files and sockets."""

import asyncio
import socket
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kubewright.healing.agent import checks
from kubewright.healing.agent.checks import ClockState, KubeletRuns, Places

LIMIT_SECONDS = 60


def write(root, path, text):
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def test_a_node_on_which_nothing_is_to_be_seen_says_nothing(tmp_path):
    places = Places(tmp_path)
    assert [*checks.filesystems(places), *checks.disks(places), *checks.certificate(places, 0)] == []
    assert checks.kubelet_run(places) == ""


def test_disks_that_are_out_of_order_are_named(tmp_path):
    write(tmp_path, "sys/block/sda/device/state", "running\n")
    write(tmp_path, "sys/class/nvme/nvme0/state", "live\n")
    assert list(checks.disks(Places(tmp_path))) == []
    write(tmp_path, "sys/block/sdb/device/state", "offline\n")
    write(tmp_path, "sys/class/nvme/nvme1/state", "dead\n")
    (found,) = checks.disks(Places(tmp_path))
    assert found.message == "sdb, nvme1 is out of order"


def test_this_machines_clock_can_be_asked():
    state = checks.read_clock()
    assert state is None or state.error_seconds >= 0


@pytest.mark.parametrize(
    ("state", "reasons"),
    [
        (None, []),
        (ClockState(True, 0.01), [""]),
        (ClockState(True, 3.0), ["ClockIsOff"]),
        (ClockState(False, 16.0), ["NTPIsDown"]),
    ],
)
def test_a_clock_that_nobody_keeps_is_a_problem(state, reasons):
    assert [each.reason for each in checks.clock(state)] == reasons


def test_a_kubelet_that_begins_anew_again_and_again_is_told_of_until_it_stops():
    runs = KubeletRuns()
    said = [runs.look(f"{number}/1", number * 60.0).reason for number in range(6)]
    assert said == ["", "", "", "", "", "FrequentKubeletRestart"]
    assert runs.look("", 400).reason == "FrequentKubeletRestart", "one that is away is not a restart"
    assert runs.look("5/1", 2000).reason == ""


def test_the_run_of_a_kubelet_is_found_among_processes(tmp_path):
    write(tmp_path, "proc/77/comm", "bash\n")
    write(tmp_path, "proc/99/comm", "kubelet\n")
    write(tmp_path, "proc/99/stat", "99 (kubelet) S " + " ".join(str(number) for number in range(1, 40)))
    assert checks.kubelet_run(Places(tmp_path)) == "99/19"


def certificate(ends_at):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "system:node:n1")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, ends_at - timedelta(days=30), ends_at)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("hours", "reason"), [(100, ""), (5, "KubeletCertificateExpiring"), (-1, "KubeletCertificateExpired")]
)
def test_a_certificate_that_ends_soon_is_told_of(tmp_path, hours, reason):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    write(tmp_path, "var/lib/kubelet/pki/kubelet-client-current.pem", certificate(now + timedelta(hours=hours)))
    (found,) = checks.certificate(Places(tmp_path), now.timestamp())
    assert found.reason == reason
    write(tmp_path, "var/lib/kubelet/pki/kubelet-client-current.pem", "nonsense")
    assert list(checks.certificate(Places(tmp_path), 0)) == []


def sockets(scenario):
    """Run with a directory whose path is short enough for a socket."""

    async def run():
        with tempfile.TemporaryDirectory(prefix="kw") as directory:
            async with asyncio.timeout(LIMIT_SECONDS):
                await scenario(Path(directory))

    asyncio.run(run())


def test_a_runtime_that_answers_is_well_and_one_that_does_not_is_not():
    async def scenario(directory):
        places = Places(runtime=directory / "runtime.sock")
        assert await checks.runtime(places) is None, "there is none"

        async def version(request, context):
            return b"\x0a\x05v1"

        served = grpc.aio.server()
        handler = grpc.unary_unary_rpc_method_handler(version)
        served.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("runtime.v1.RuntimeService", {"Version": handler}),)
        )
        served.add_insecure_port(f"unix:{places.runtime}")
        await served.start()
        assert (await checks.runtime(places, LIMIT_SECONDS)).reason == ""
        await served.stop(None)

        with socket.socket(socket.AF_UNIX) as silent:
            places.runtime.unlink(missing_ok=True)
            silent.bind(str(places.runtime))
            silent.listen()
            assert (await checks.runtime(places, 0.2)).reason == "ContainerRuntimeUnhealthy"

    sockets(scenario)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nok", ""),
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", "KubeletUnhealthy"),
        (b"", "KubeletUnhealthy"),
        (b"x" * 100_000, "KubeletUnhealthy"),
    ],
)
def test_a_kubelet_is_asked_whether_it_is_well(answer, reason):
    async def scenario(_):
        async def serve(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        assert (await checks.kubelet(Places(kubelet_port=port), LIMIT_SECONDS)).reason == reason
        server.close()

    sockets(scenario)


def test_a_kubelet_that_takes_the_connection_and_says_nothing_is_not_well():
    async def scenario(_):
        with socket.create_server(("127.0.0.1", 0)) as bound:
            port = bound.getsockname()[1]
            found = await checks.kubelet(Places(kubelet_port=port), 0.2)
        assert found.reason == "KubeletUnhealthy"
        gone = await checks.kubelet(Places(kubelet_port=port))
        assert gone.reason == "KubeletUnhealthy"

    sockets(scenario)
