"""The chart as Helm itself renders it, and the base as kustomize does: the objects of `kubewright install`."""

import subprocess

import pytest
import yaml
from click.testing import CliRunner

from kubewright.cli.main import cli
from kubewright.install.manifests import manifests
from kubewright.install.settings import Settings
from tools.cluster.binaries import HELM, kubectl_path

pytestmark = pytest.mark.skipif(not HELM.built(), reason="`make helm` builds it")
SERVICES = ("workloads", "gpu")


def objects(*command):
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    documents = [each for each in yaml.load_all(done.stdout, yaml.CSafeLoader) if each]
    return {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]): each for each in documents}


def written(form, directory, *options):
    arguments = ["install", "--as", form, "-d", str(directory), *options]
    assert CliRunner().invoke(cli, arguments, catch_exceptions=False).exit_code == 0
    return directory


def test_chart_and_base_are_equal(tmp_path):
    folder = written("chart", tmp_path / "chart")
    release = (HELM.binary("helm"), "template", "kubewright", folder, "-n", "kubewright-system")
    rendered = objects(*release, "--set", "namespace.create=true", "--kube-version", "1.37")
    assert rendered == objects(kubectl_path(), "kustomize", written("kustomize", tmp_path / "base"))
    assert list(rendered.values()) != []
    assert len(rendered) == len(manifests(Settings()))


CHOSEN = {
    "services and store": (
        Settings("shop-ops", "mirror/kw@sha256:" + "0" * 64, 3, SERVICES, "http://p:9090"),
        {"image": "mirror/kw@sha256:" + "0" * 64, "replicas": 3, "prometheus": "http://p:9090"},
    ),
    "people and alerts": (
        Settings(
            "shop-ops",
            alerts_secret="alertmanager",
            oidc_issuer="https://id.example/realms/a",
            oidc_client_id="1234",
            oidc_secret="client",
            oidc_ca="company-ca",
            behind_tls=True,
        ),
        {
            "alerts": {"secret": "alertmanager"},
            "oidc": {
                "issuer": "https://id.example/realms/a",
                "clientId": "1234",
                "secret": "client",
                "ca": "company-ca",
            },
            "behindTls": True,
        },
    ),
}


@pytest.mark.parametrize("what", CHOSEN)
def test_what_is_chosen_of_the_chart_is_what_install_chooses(tmp_path, what):
    chosen, values = CHOSEN[what]
    path = tmp_path / "values.yaml"
    services = {name: name in chosen.services for name in Settings().services}
    path.write_text(yaml.safe_dump({**values, "services": services}))
    folder = written("chart", tmp_path / "chart")
    rendered = objects(HELM.binary("helm"), "template", "kubewright", folder, "-n", chosen.namespace, "-f", path)
    wanted = {
        (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]): each for each in manifests(chosen)
    }
    del wanted["Namespace", None, chosen.namespace]
    assert rendered == wanted


def test_an_issuer_without_a_client_is_refused(tmp_path):
    folder = written("chart", tmp_path / "chart")
    command = [HELM.binary("helm"), "template", "kubewright", folder, "--set", "oidc.issuer=https://id.example"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "oidc.clientId: who the dashboard is at oidc.issuer" in done.stderr


def test_helm_finds_nothing_to_say_of_the_chart(tmp_path):
    folder = written("chart", tmp_path / "chart")
    done = subprocess.run([HELM.binary("helm"), "lint", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout
