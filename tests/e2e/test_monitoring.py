"""A real Prometheus and a real Alertmanager, configured by kubewright, on the pods of a twin."""

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from kubewright.monitoring.dashboards.shipped import BOARDS
from tests.e2e.beside import end, eventually
from tests.e2e.test_command_line import kubewright
from tests.e2e.test_prometheus import apply, deployed, kubectl, prometheus
from tests.e2e.test_twin_state import served
from tests.unit.monitoring.vocabulary import chosen
from tools.cluster import ALERTMANAGER, PROMETHEUS
from tools.cluster.plane import free_ports

pytestmark = pytest.mark.skipif(
    not (PROMETHEUS.built() and ALERTMANAGER.built()), reason="`make prometheus alertmanager` builds them"
)
PATIENCE = "0.01"
"""Alerts wait a hundredth of their time: three seconds instead of five minutes."""
POOLS = {"apiserver", "kubelet", "kubelet/cadvisor", "kube-state-metrics", "node-exporter"}
SILENT_IN_FLEET = {"GPUs", "Restarts within an hour", "Deployments that lack pods"}
SHOP = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: leak, namespace: shop, annotations: {twin.kubewright.dev/memory: 208Mi +500Ki/s}}
spec:
  containers:
    - {name: main, image: "leak:1", resources: {requests: {memory: 128Mi}, limits: {memory: 256Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: unlimited, namespace: shop, annotations: {twin.kubewright.dev/memory: 2Gi}}
spec:
  containers:
    - {name: main, image: "unlimited:1"}
"""


class Told:
    """What was posted, by path."""

    def __init__(self):
        self.posts = []

    def alerts(self, path, status):
        return [
            alert["labels"] | alert["annotations"]
            for at, post in self.posts
            for alert in post["alerts"]
            if (at, alert["status"]) == (path, status)
        ]


@contextmanager
def listening():
    told = Told()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            told.posts.append((self.path, json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield told, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def alertmanager(folder, port):
    command = [ALERTMANAGER.binary("alertmanager"), f"--config.file={folder / 'alertmanager.yml'}"]
    command += [f"--storage.path={folder / 'silences'}", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "alertmanager.log").open("w") as log:
        process = subprocess.Popen([*command, "--cluster.listen-address="], stdout=log, stderr=subprocess.STDOUT)
    try:
        yield
        assert process.poll() is None, (folder / "alertmanager.log").read_text()
    finally:
        end(process)


@contextmanager
def taking_alerts(folder, kubeconfig, port):
    """Run the platform's service, as its user does; what it says is in a file."""
    command = [sys.executable, "-m", "kubewright", "run", "monitoring", "--kubeconfig", str(kubeconfig)]
    command += ["--alerts-listen", f"127.0.0.1:{port}", "--alerts-token-file", str(folder / "hook-token")]
    with (folder / "service.log").open("w") as log:
        process = subprocess.Popen([*command, "--listen", "127.0.0.1:0"], stdout=log, stderr=subprocess.STDOUT)
    try:
        yield
        assert process.poll() is None, (folder / "service.log").read_text()
    finally:
        end(process)


def write_configuration(folder, kubeconfig, hooks, port, own_port):
    """Write everything by the command line, and check that it says so."""
    done = kubewright("twin", "scrape-config", str(folder), "--kubeconfig", str(kubeconfig))
    assert done.returncode == 0, done.stderr
    teams = [
        {"name": "shops", "namespaces": ["shop"], "webhook": f"{hooks}/shops"},
        {"name": "platform", "webhook": f"{hooks}/platform"},
    ]
    (folder / "teams.yml").write_text(yaml.safe_dump({"teams": teams}))
    server = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    options = ["--teams", str(folder / "teams.yml"), "--through", server, "--interval", "1s", "--patience", PATIENCE]
    (folder / "hook-token").write_text("a-token-that-nobody-guesses")
    options += ["--hook", f"http://127.0.0.1:{own_port}/alerts", "--hook-token-file", str(folder / "hook-token")]
    done = kubewright("monitoring", "render", "-d", str(folder), *options, "--alertmanager", f"127.0.0.1:{port}")
    assert done.returncode == 0, done.stderr


def test_a_leak_is_told_to_its_team_and_ends(tmp_path):
    kubeconfig, (port, own_port) = tmp_path / "kubeconfig", free_ports(2)
    with served(kubeconfig, "--nodes", "1"), listening() as (told, hooks):
        apply(kubeconfig, kubewright("twin", "exporters").stdout)
        write_configuration(tmp_path, kubeconfig, hooks, port, own_port)
        with (
            taking_alerts(tmp_path, kubeconfig, own_port),
            alertmanager(tmp_path, port),
            prometheus(tmp_path / "prometheus.yml", tmp_path) as running,
        ):
            found = eventually(lambda: running.ask("rules")["groups"])
            rules = [rule for group in found for rule in group["rules"]]
            assert {"HighMemoryUsage", "KubePodCrashLooping", "GpuXidFatal"} <= {each["name"] for each in rules}
            apply(kubeconfig, SHOP)
            deployed(kubeconfig)
            eventually(lambda: leaks(told, "firing"))
            eventually(lambda: up(running) >= POOLS, lambda: up(running))
            (leak,) = {tuple(sorted(each.items())) for each in map(stable, leaks(told, "firing"))}
            assert dict(leak) == {
                "namespace": "shop",
                "pod": "leak",
                "team": "shops",
                "severity": "warning",
                "summary": "Pod leak memory usage is above 90%",
                "runbook_url": "docs/runbooks/HighMemoryUsage.md",
            }
            assert not any(each["alertname"] == "HighMemoryUsage" for each in told.alerts("/platform", "firing"))
            eventually(lambda: "memory usage is" in events_of_leak(kubeconfig, "HighMemoryUsage"))
            kubectl(kubeconfig, "delete", "pod", "leak", "-n", "shop", "--now")
            eventually(lambda: leaks(told, "resolved"))
            eventually(lambda: events_of_leak(kubeconfig, "HighMemoryUsageResolved"))
            rules = [rule for group in running.ask("rules")["groups"] for rule in group["rules"]]
            assert [each["lastError"] for each in rules if each["health"] == "err"] == []
            for board in BOARDS:
                silent(running, board.name)
            for name, may_be in (("node", set()), ("fleet", SILENT_IN_FLEET)):
                eventually(lambda name=name, may_be=may_be: silent(running, name) <= may_be)


def up(running):
    return {each["scrapePool"] for each in running.targets() if each["health"] == "up"}


def silent(running, name):
    """Ask everything that a dashboard asks, and return which of its panels got no answer; errors are raised."""
    (board,) = [each for each in BOARDS if each.name == name]
    for marks in board.marks:
        running.values(chosen(marks.expr))
    asked = {each.title: [running.values(chosen(query.expr)) for query in each.queries] for each in board.panels}
    return {title for title, answers in asked.items() if not any(answers)}


def events_of_leak(kubeconfig, reason):
    chosen = f"--field-selector=involvedObject.name=leak,reason={reason}"
    return kubectl(kubeconfig, "get", "events", "-n", "shop", chosen, "--no-headers")


def leaks(told, status):
    return [each for each in told.alerts("/shops", status) if each["alertname"] == "HighMemoryUsage"]


def stable(alert):
    """Leave out what differs from one time to the next."""
    wanted = ("namespace", "pod", "team", "severity", "summary", "runbook_url")
    return {key: alert[key] for key in wanted}
