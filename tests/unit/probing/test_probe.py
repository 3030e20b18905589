"""Probing real sockets on loopback, here and as it runs inside pods, and what each failure is said to mean."""

import asyncio
import json
import socket
import ssl
import subprocess
import sys

import pytest
from aiohttp import WSMsgType, web

from kubewright.api.meta import ObjectKey
from kubewright.client.config import ConnectionConfig
from kubewright.client.http import HttpTransport
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.probing import inside
from kubewright.probing.meanings import meaning
from kubewright.probing.report import report_document, report_of
from kubewright.probing.standalone import probe
from kubewright.probing.target import parse_probe_target
from kubewright.probing.tools import SHELL, by_shell, untried
from kubewright.runtime.certificates import SigningAuthority
from tests.loopback import serving

DAY = 86400
POD = ObjectKey("shop", "web-1")


def now():
    return Clock.wall().now()


def app(status=200):
    async def answer(_):
        return web.Response(status=status)

    made = web.Application()
    made.router.add_get("/{anything:.*}", answer)
    return made


def server_context(pair, folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for name, text in (("cert", pair.certificate), ("key", pair.key)):
        (folder / name).write_bytes(text)
    context.load_cert_chain(folder / "cert", folder / "key")
    return context


async def tried(text, **options):
    target = parse_probe_target(text)
    found = await asyncio.to_thread(
        probe, target.host, target.port, scheme=target.scheme, path=target.path, timeout=60.0, **options
    )
    return report_of(found, text, "this machine", "python", now())


async def test_every_layer_is_told_with_its_time():
    async with serving(app()) as port:
        report = await tried(f"http://127.0.0.1:{port}/healthz")
    assert [(each.name, each.ok) for each in report.layers] == [("name", True), ("tcp", True), ("http", True)]
    assert all(each.seconds > 0 for each in report.layers)
    assert report.layers[-1].detail.startswith("HTTP/1.1 200")
    document = report_document(report)
    assert (document["ok"], document["failedLayer"]) == (True, None)


async def test_an_answer_that_is_an_error_of_the_servers_fails_and_one_of_the_callers_does_not():
    for status, ok in ((503, False), (404, True)):
        async with serving(app(status)) as port:
            report = await tried(f"http://127.0.0.1:{port}/")
        assert (report.failed is None) is ok
    assert "no backend is ready" in meaning("http", "HTTP/1.1 503 Service Unavailable")


async def test_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        report = await tried(f"tcp://127.0.0.1:{free.getsockname()[1]}")
    assert report.failed.name == "tcp"
    assert "nothing listens" in report.failed.meaning
    assert report.failed_addresses == ()


async def test_a_name_that_nobody_has():
    report = await tried("nobody.invalid:80")
    assert report.failed.name == "name"


async def test_what_does_not_speak_the_protocol(tmp_path):
    async def hello(_, writer):
        writer.write(b"220 mail\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hello, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert (await tried(f"tcp://127.0.0.1:{port}")).failed is None
        assert "does not speak HTTP" in (await tried(f"http://127.0.0.1:{port}")).failed.meaning
        secured = (await tried(f"https://127.0.0.1:{port}")).failed
    assert (secured.name, secured.meaning) == ("tls", "the server does not speak TLS on this port")


async def test_a_certificate_that_is_good_and_ends_soon(tmp_path):
    authority = SigningAuthority("here", now(), valid_days=5)
    pair = authority.for_server("api", ["localhost", "127.0.0.1"])
    async with serving(app(), server_context(pair, tmp_path)) as port:
        report = await tried(f"https://localhost:{port}/", ca_pem=authority.certificate.decode())
    assert [each.name for each in report.layers] == ["name", "tcp", "tls", "http"]
    assert report.failed is None
    assert report.certificate.names == ("localhost", "127.0.0.1")
    assert 4 < report.certificate.days_left <= 5
    assert "the certificate ends in" in report.notes[0]


BAD = [
    pytest.param(0, ["127.0.0.1"], False, "an authority that is not trusted", id="of somebody"),
    pytest.param(30, ["127.0.0.1"], True, "the certificate has ended", id="ended"),
    pytest.param(0, ["elsewhere.test"], True, "the certificate is for other names", id="for others"),
]


@pytest.mark.parametrize(("back", "names", "trusted", "words"), BAD)
async def test_a_certificate_that_is_no_good_is_shown_all_the_same(tmp_path, back, names, trusted, words):
    authority = SigningAuthority("here", now(), valid_days=400)
    authority.now_seconds -= back * DAY
    authority.valid_days = 2 if back else 300
    pair = authority.for_server("api", names)
    options = {"ca_pem": authority.certificate.decode()} if trusted else {}
    async with serving(app(), server_context(pair, tmp_path)) as port:
        report = await tried(f"https://127.0.0.1:{port}/", **options)
    assert report.failed.name == "tls"
    assert words in report.failed.meaning
    assert report.certificate.names == tuple(names)


def test_the_probe_runs_by_itself_as_it_does_in_a_pod():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = [sys.executable, "-I", "-c", inside.packed()]
        done = subprocess.run(
            [*command, "127.0.0.1", str(port), "tcp", "/", "2"], capture_output=True, text=True, timeout=60, check=True
        )
    assert [each["ok"] for each in json.loads(done.stdout)["layers"]] == [True, True]


def test_a_shell_with_few_tools_says_what_it_could_not_try():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = subprocess.run(
            ["sh", "-c", SHELL, "sh", "localhost", str(port), "tcp", "/", "2"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    layers = by_shell(done.stdout)
    assert all(each.ok for each in layers), done.stdout
    target = parse_probe_target(f"tcp://localhost:{port}")
    assert untried(by_shell("name ok 10.0.0.1"), target) == ("tcp",)
    assert untried(by_shell("name bad no such host"), target) == ()


class Kubelet:
    """Serves `pods/exec` as API servers do, by running the commands here, as an image with some programs would."""

    def __init__(self, programs):
        self.programs = programs

    @property
    def app(self):
        made = web.Application()
        made.router.add_get("/api/v1/namespaces/shop/pods/web-1/exec", self.execute)
        return made

    async def execute(self, request):
        if "upgrade" not in request.headers.get("Connection", "").lower():
            return web.json_response({"kind": "Status", "message": "Upgrade request required"}, status=400)
        channels = web.WebSocketResponse(protocols=("v5.channel.k8s.io",))
        await channels.prepare(request)
        command = request.query.getall("command")
        program = self.programs.get(command[0])
        if program is None:
            words = f'exec: "{command[0]}": executable file not found in $PATH'
            await channels.send_bytes(b"\x03" + json.dumps({"status": "Failure", "message": words}).encode())
        else:
            run = await asyncio.create_subprocess_exec(program, *command[1:], stdout=-1, stderr=-1)
            out, error = await run.communicate()
            await channels.send_bytes(b"\x01" + out)
            await channels.send_bytes(b"\x02" + error)
            causes = [{"reason": "ExitCode", "message": str(run.returncode)}]
            failed = {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes}}
            await channels.send_bytes(
                b"\x03" + json.dumps(failed if run.returncode else {"status": "Success"}).encode()
            )
        async for message in channels:
            assert message.type is WSMsgType.BINARY
        return channels


async def from_pod(programs, text):
    async with serving(Kubelet(programs).app) as port:
        transport = HttpTransport(ConnectionConfig(f"http://127.0.0.1:{port}"))
        try:
            return await inside.probe_from_pod(
                transport, POD, parse_probe_target(text), container="", timeout_seconds=2.0, now=now()
            )
        finally:
            await transport.close()


@pytest.mark.parametrize(("programs", "by"), [({"python3": sys.executable}, "python3"), ({"sh": "/bin/sh"}, "sh")])
async def test_from_inside_a_pod_by_what_its_image_has(programs, by):
    with socket.create_server(("127.0.0.1", 0)) as server:
        report = await from_pod(programs, f"tcp://localhost:{server.getsockname()[1]}")
    assert (report.origin, report.by, report.failed) == ("pod/shop/web-1", by, None)


async def test_an_image_without_any_tool_is_said():
    with pytest.raises(OpError) as error:
        await from_pod({}, "tcp://localhost:1")
    assert error.value.kind is ErrorKind.NOT_FOUND
    assert "none of python3, curl, wget, nc, getent" in error.value.detail


async def test_a_server_that_runs_no_commands_says_why():
    async def refuse(_):
        document = {"kind": "Status", "status": "Failure", "reason": "Forbidden", "message": "may not"}
        return web.json_response(document, status=403)

    made = web.Application()
    made.router.add_get("/{anything:.*}", refuse)
    async with serving(made) as port:
        transport = HttpTransport(ConnectionConfig(f"http://127.0.0.1:{port}"))
        with pytest.raises(OpError, match="may not") as error:
            await inside.probe_from_pod(
                transport, POD, parse_probe_target("db:5432"), container="", timeout_seconds=2.0, now=0.0
            )
        await transport.close()
    assert error.value.kind is ErrorKind.FORBIDDEN


TARGETS = [
    ("https://api.shop/healthz?x=1", "https://api.shop:443/healthz?x=1"),
    ("db.shop.svc:5432", "tcp://db.shop.svc:5432"),
    ("web:8080", "http://web:8080/"),
    ("10.0.0.1:443", "https://10.0.0.1:443/"),
    ("[::1]:5432", "tcp://[::1]:5432"),
    ("tcp://web:80", "tcp://web:80"),
]


@pytest.mark.parametrize(("text", "shown"), TARGETS)
def test_targets_as_people_write_them(text, shown):
    assert str(parse_probe_target(text)) == shown


@pytest.mark.parametrize("text", ["", "web", "ftp://web", "web:99999", "web:x", "we b:80", "https://:80"])
def test_targets_that_are_not_understood(text):
    with pytest.raises(OpError) as error:
        parse_probe_target(text)
    assert error.value.kind is ErrorKind.INVALID
