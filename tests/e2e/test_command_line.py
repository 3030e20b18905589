"""The command as a person calls it: what it prints, where, and its exit code."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from kubewright.api.crds import all_crds
from tests.e2e.beside import PATIENCE_SECONDS


def kubewright(*arguments, **options):
    command = [sys.executable, "-m", "kubewright", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False, **options)


def kubeconfig(folder, server, **cluster):
    path = folder / "kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server} | cluster}],
        "users": [{"name": "u", "user": {"token": "secret-token"}}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture
def refusing_server():
    """An API server that refuses everything with the status code that its caller sets."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            reason = {401: "Unauthorized", 403: "Forbidden"}[server.code]
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": server.code}
            body = json.dumps(status | {"message": f"{reason.lower()}: because of the test"}).encode()
            self.send_response(server.code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def assert_one_clear_line(done, *words):
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "secret-token" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert all(each.startswith("  next: ") for each in lines[1:2]), done.stderr
    assert len(lines) <= 2, done.stderr
    for word in words:
        assert word in lines[0]


def test_help_lists_every_command():
    done = kubewright("--help")
    assert done.returncode == 0
    for name in ("demo", "up", "twin", "crds"):
        assert f"  {name} " in done.stdout


@pytest.mark.parametrize("command", [["up"], ["twin"], ["twin", "serve"], ["twin", "nodes"], ["demo"], ["crds"]])
def test_every_command_explains_itself(command):
    done = kubewright(*command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage:")


def test_an_unknown_command_is_a_usage_error():
    done = kubewright("fly")
    assert done.returncode == 2
    assert "No such command 'fly'" in done.stderr


def test_crds_prints_what_kubectl_applies():
    done = kubewright("crds")
    assert list(yaml.safe_load_all(done.stdout)) == all_crds()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("clusters: [", ("YAML",), id="not YAML"),
        pytest.param("current-context: nowhere", ("nowhere",), id="a context that is not there"),
        pytest.param("{}", ("current-context",), id="no context"),
    ],
)
def test_a_broken_kubeconfig(tmp_path, text, words):
    path = tmp_path / "broken"
    path.write_text(text)
    assert_one_clear_line(kubewright("up", "--kubeconfig", str(path)), str(path), *words)


def test_a_kubeconfig_that_is_not_there(tmp_path):
    path = tmp_path / "absent"
    assert_one_clear_line(kubewright("up", "--kubeconfig", str(path)), str(path))


def test_an_unreachable_server(tmp_path):
    path = kubeconfig(tmp_path, "http://127.0.0.1:1")
    assert_one_clear_line(kubewright("up", "--kubeconfig", str(path)), "127.0.0.1:1", "unavailable")


@pytest.mark.parametrize(("code", "kind"), [(401, "unauthorized"), (403, "forbidden")])
def test_a_server_that_refuses(tmp_path, refusing_server, code, kind):
    refusing_server.code = code
    path = kubeconfig(tmp_path, f"http://127.0.0.1:{refusing_server.server_port}")
    assert_one_clear_line(kubewright("up", "--kubeconfig", str(path)), kind)


def test_a_port_that_is_taken(tmp_path, refusing_server):
    refusing_server.code = 403
    taken = f"127.0.0.1:{refusing_server.server_port}"
    done = kubewright("twin", "serve", "--port", taken.split(":")[1], "--kubeconfig", str(tmp_path / "k"))
    assert_one_clear_line(done, taken)
