"""What services are called with: where alerts come in, alone and beside others; and as they are installed."""

import pytest
from click import BadParameter, UsageError

from kubewright.app import Choices
from kubewright.cli.run import run
from kubewright.cli.service import with_alerts
from kubewright.cli.up import up
from kubewright.install.manifests import manifests
from kubewright.install.settings import Settings

NONE = {"alerts_listen": "127.0.0.1:9095", "alerts_token_file": None, "tls_cert_file": None, "tls_key_file": None}


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text("a-token-that-nobody-guesses\n")
    return path


@pytest.mark.parametrize("services", [("monitoring",), ("gpu", "monitoring")], ids=["alone", "beside others"])
def test_alerts_come_in_where_monitoring_runs(token, services):
    asked = NONE | {"alerts_listen": "0.0.0.0:9095", "alerts_token_file": token}
    chosen = with_alerts(Choices(services=services), **asked)
    assert (chosen.services, chosen.alerts_address) == (services, "0.0.0.0:9095")
    assert chosen.alerts_token == "a-token-that-nobody-guesses"


def test_a_token_for_services_that_take_no_alerts_is_refused(token):
    with pytest.raises(UsageError, match="not among --services"):
        with_alerts(Choices(services=("workloads",)), **NONE | {"alerts_token_file": token})
    assert with_alerts(Choices(services=("workloads",)), **NONE).alerts_token == ""


def test_a_token_that_could_be_guessed_is_refused(tmp_path):
    (tmp_path / "short").write_text("short\n")
    with pytest.raises(BadParameter, match="fewer than 16"):
        with_alerts(Choices(services=("monitoring",)), **NONE | {"alerts_token_file": tmp_path / "short"})


def parsed(command, arguments):
    """The options of arguments, of those that a command knows; what follows each is its value."""
    known = {name: each for each in command.params for name in (*each.opts, *each.secondary_opts)}
    return [known[each.partition("=")[0]].name for each in arguments if each.startswith("-")]


@pytest.mark.parametrize("together", [False, True], ids=["one each", "all in one"])
def test_what_pods_are_called_with_their_commands_know(together):
    people = {"oidc_issuer": "https://id.example", "oidc_client_id": "a", "oidc_secret": "client", "oidc_ca": "ca"}
    settings = Settings(together=together, alerts_secret="alertmanager", behind_tls=True, **people)
    asked = set()
    for each in manifests(settings):
        if each["kind"] == "Deployment":
            (container,) = each["spec"]["template"]["spec"]["containers"]
            first, *others = container["args"]
            asked |= set(parsed(up if first == "up" else run.commands[others[0]], others))
    assert {"alerts_token_file", "oidc_client_secret_file", "oidc_ca_file", "behind_tls"} <= asked
