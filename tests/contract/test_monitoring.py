"""What `kubewright monitoring install` puts into a cluster, and that it leaves alone what is as it should be."""

import json

from click.testing import CliRunner

from kubewright.cli.main import cli

DASHBOARDS = 9


def install(cluster, namespace, *options, code=0):
    command = ["monitoring", "install", "--kubeconfig", str(cluster.kubeconfig), "-n", namespace, *options]
    done = CliRunner().invoke(cli, command, catch_exceptions=False, standalone_mode=False)
    assert (done.return_value or 0) == code, done.output
    return done.output.splitlines()


def ends(lines):
    return {line.partition(" ")[2] for line in lines}


def test_everything_is_installed_once_and_repaired(cluster, namespace):
    assert ends(install(cluster, namespace, "--dry-run")) == {"would be created"}
    assert cluster.kubectl("get", "secrets", "-n", namespace, "-o", "name").stdout == ""
    assert ends(install(cluster, namespace)) == {"is created"}
    chosen = ("-n", namespace, "-l", "grafana_dashboard=1")
    boards = json.loads(cluster.kubectl("get", "configmaps", *chosen, "-o", "json").stdout)["items"]
    assert len(boards) == DASHBOARDS
    assert all(json.loads(text)["panels"] for each in boards for text in each["data"].values())
    assert ends(install(cluster, namespace)) == {"is as it should be"}
    cluster.kubectl("patch", "configmap", "kubewright-rules", "-n", namespace, "-p", '{"data": {"kubewright.yml": ""}}')
    assert ends(install(cluster, namespace, "--dry-run")) == {"is as it should be", "would be changed"}
    changed = [line for line in install(cluster, namespace) if line.endswith("changed")]
    assert changed == [f"ConfigMap/{namespace}/kubewright-rules is changed"]
    assert ends(install(cluster, namespace)) == {"is as it should be"}


def test_a_diff_shows_what_would_differ_and_hides_secrets(cluster, namespace):
    assert any(line.startswith("+++ merged Secret") for line in install(cluster, namespace, "--diff", code=1))
    install(cluster, namespace)
    assert install(cluster, namespace, "--diff") == []
    cluster.kubectl(
        "patch", "configmap", "kubewright-rules", "-n", namespace, "-p", '{"data": {"kubewright.yml": "old"}}'
    )
    changed = '{"data": {"alertmanager.yml": "c2VjcmV0"}}'
    cluster.kubectl("patch", "secret", "kubewright-alertmanager", "-n", namespace, "-p", changed)
    lines = install(cluster, namespace, "--diff", code=1)
    assert "-  kubewright.yml: old" in lines
    hidden = {"-  alertmanager.yml: '*** (before)'", "+  alertmanager.yml: '*** (after)'"}
    assert hidden < set(lines)
    assert not any("c2VjcmV0" in line for line in lines)
    assert any(line.endswith("would be changed") for line in install(cluster, namespace, "--dry-run=server"))


def test_without_the_kinds_that_it_writes_a_diff_cannot_tell(cluster, namespace):
    command = ["monitoring", "install", "--kubeconfig", str(cluster.kubeconfig), "-n", namespace, "--form", "operator"]
    done = CliRunner().invoke(cli, [*command, "--diff"], catch_exceptions=False, standalone_mode=False)
    assert done.return_value == 2
    assert "is the Prometheus Operator installed?" in done.output


def test_a_namespace_that_is_missing_is_made_unless_nothing_is_to_be_written(cluster, namespace):
    place = f"{namespace}-new"
    assert ends(install(cluster, place, "--dry-run")) == {"would be created"}
    assert "NotFound" in cluster.kubectl("get", "namespace", place, check=False).stderr
    assert ends(install(cluster, place)) == {"is created"}
    cluster.kubectl("delete", "namespace", place, "--wait=false")


def test_without_the_prometheus_operator_that_is_said(cluster, namespace):
    command = ["monitoring", "install", "--kubeconfig", str(cluster.kubeconfig), "-n", namespace, "--form", "operator"]
    done = CliRunner().invoke(cli, command)
    assert done.exit_code != 0
    assert "is the Prometheus Operator installed?" in done.output + str(done.exception)
