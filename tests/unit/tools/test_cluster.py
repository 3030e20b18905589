import json
import signal
import ssl
import subprocess
import sys

import pytest

from tools.cluster import CONTROL_PLANE, ClusterError, ControlPlane, gomodule, process
from tools.cluster.__main__ import main
from tools.cluster.access import Https, certificate_user, kubeconfig
from tools.cluster.components import Credentials, Ports, apiserver, scheduler_configuration

SLEEPS = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def started(tmp_path):
    running = process.start("sleeper", SLEEPS, tmp_path / "log", leashed=True)
    yield running
    process.kill(running)


def test_a_started_component_is_recognised_until_it_is_ended(started):
    assert started.alive()
    process.end([started])
    assert not started.alive()


def test_another_process_of_the_same_pid_is_left_alone(started):
    stranger = process.Running("etcd", started.pid, "another start time", started.log)
    process.end([stranger])
    process.kill(stranger)
    assert started.alive()


@pytest.fixture
def children_ignore_sigterm():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_component_that_ignores_sigterm_is_killed(tmp_path, monkeypatch, children_ignore_sigterm):
    monkeypatch.setattr(process, "TERM_SECONDS", 0.0)
    running = process.start("deaf", SLEEPS, tmp_path / "log", leashed=True)
    process._signal(running, signal.SIGTERM)
    assert running.alive()
    process.end([running])
    assert not running.alive()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_leashed_component_dies_with_the_process_that_started_it(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from tools.cluster import process;"
        f"started = process.start('sleeper', {SLEEPS!r}, Path({str(tmp_path / 'log')!r}), leashed=True);"
        "print(started.pid, started.started, flush=True); os.kill(os.getpid(), 9)"
    )
    parent = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert parent.returncode == -signal.SIGKILL
    pid, mark = parent.stdout.split()
    orphan = process.Running("sleeper", int(pid), mark, "")
    assert process._gone(orphan, 60.0)


def test_the_log_of_a_component_that_failed_can_be_shown(tmp_path):
    (tmp_path / "log").write_text("\n".join(f"line {number}" for number in range(100)))
    assert process.Running("etcd", 1, "", str(tmp_path / "log")).log_tail(lines=2) == "line 98\nline 99"


def test_the_kubernetes_version_is_read_from_go_mod():
    assert gomodule.module_version("require (\n\tk8s.io/kubernetes v1.37.2\n)", "k8s.io/kubernetes") == "v1.37.2"
    with pytest.raises(ClusterError, match="does not require"):
        gomodule.module_version("require k8s.io/kubernetes-other v1.0.0", "k8s.io/kubernetes")


def test_a_missing_binary_says_how_to_build_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert not CONTROL_PLANE.built()
    with pytest.raises(ClusterError, match=r"python -m tools\.cluster build"):
        CONTROL_PLANE.binary("etcd")


def test_code_of_ours_that_changed_is_built_anew(tmp_path):
    module = gomodule.GoModule("mine", "k8s.io/client-go", {"mine": "."}, "build", folder=tmp_path)
    module.source.mkdir()
    (module.source / "go.sum").write_text("sums")
    alone = module.directory
    (module.source / "main.go").write_text("package main")
    with_code = module.directory
    (module.source / "main.go").write_text("package main // changed")
    assert len({alone, with_code, module.directory}) == 3


@pytest.mark.parametrize("command", ["down", "status"])
def test_a_state_directory_without_a_control_plane_is_one_clear_line(command, tmp_path, capsys):
    assert main([command, "--state", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"error: no control plane in {tmp_path}: `python -m tools.cluster up --state {tmp_path}`\n"
    )


def test_attach_finds_what_was_recorded_and_does_not_own_it(tmp_path, started):
    entry = {"name": "etcd", "pid": started.pid, "started": started.started, "log": started.log}
    record = {"server": "https://127.0.0.1:1", "running": [entry], "commands": {"etcd": ["etcd"]}}
    (tmp_path / "plane.json").write_text(json.dumps(record))
    with ControlPlane.attach(tmp_path) as plane:
        assert plane.alive() == {"etcd": True}
        assert plane.kubeconfig == tmp_path / "kubeconfig"
    assert started.alive()


@pytest.fixture
def credentials(tmp_path):
    return Credentials.create(tmp_path)


def test_the_serving_certificate_is_accepted_under_its_authority(credentials):
    context = ssl.create_default_context(cafile=credentials.authority.files.certificate)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(credentials.serving.certificate, credentials.serving.key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert client.getpeercert()["subject"] == ((("commonName", "serving"),),)


def test_private_keys_are_readable_by_their_owner_only(credentials, tmp_path):
    keys = sorted(tmp_path.glob("*.key"))
    assert len(keys) == 8
    assert {key.stat().st_mode & 0o777 for key in keys} == {0o600}


def test_the_first_user_of_a_kubeconfig_is_the_current_one(credentials, tmp_path):
    users = {"admin": {"token": "t"}, "certificate": certificate_user(credentials.administrator)}
    text = kubeconfig("https://127.0.0.1:6443", credentials.authority.files.certificate, users)
    (tmp_path / "kubeconfig").write_text(text)
    client = Https.of_kubeconfig(tmp_path / "kubeconfig")
    assert (client.server, client.token) == ("https://127.0.0.1:6443", "t")
    assert [context["name"] for context in json.loads(text)["contexts"]] == ["admin", "certificate"]


def test_the_api_server_listens_on_loopback_with_rbac_and_without_audit(credentials, tmp_path, monkeypatch):
    monkeypatch.setattr("tools.cluster.gomodule.GoModule.binary", lambda self, name: tmp_path / name)
    command = apiserver(Ports(1, 2, 6443, 4, 5), credentials, tmp_path / "tokens.csv")
    assert {"--bind-address=127.0.0.1", "--secure-port=6443", "--authorization-mode=Node,RBAC"} <= set(command)
    assert not [flag for flag in command if flag.startswith("--audit")]


def test_the_scheduler_is_not_held_back_by_its_client(tmp_path):
    connection = scheduler_configuration(tmp_path / "kubeconfig")["clientConnection"]
    assert (connection["qps"], connection["burst"]) == (5000, 5000)
