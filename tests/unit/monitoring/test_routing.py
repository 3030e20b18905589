"""Alertmanager's configuration, as the real amtool reads it: who is told of what."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from kubewright.cli.main import cli
from kubewright.errors import OpError
from kubewright.monitoring.reach import Inside, Through
from kubewright.monitoring.routing import Hook, alertmanager_config
from kubewright.monitoring.scrape import prometheus_config, team_relabelling
from kubewright.monitoring.teams import Audience, Team, audience, with_names, with_namespaces, with_teams
from tests.unit.monitoring.tools import amtool, needs_alertmanager, needs_prometheus, promtool, write

TEAMS = {
    "teams": [
        {"name": "shops", "namespaces": ["shop", "till"], "webhook": "http://chat.example.com/shops"},
        {"name": "platform", "webhook": "http://chat.example.com/platform"},
        {
            "name": "maps",
            "namespaces": ["maps"],
            "receiver": {
                "email_configs": [{"to": "m@example.com", "from": "k@example.com", "smarthost": "mail.example.com:25"}]
            },
        },
    ],
    "maintenance": [
        {
            "name": "saturday",
            "matchers": ['node=~"pool-a-.*"'],
            "times": [
                {
                    "weekdays": ["saturday"],
                    "times": [{"start_time": "02:00", "end_time": "04:00"}],
                    "location": "Europe/Berlin",
                }
            ],
        }
    ],
}
HOOK = Hook("https://kubewright.monitoring.svc/alerts", "/etc/token", "/etc/ca.crt")


@pytest.fixture
def config(tmp_path):
    return write(tmp_path / "alertmanager.yml", alertmanager_config(audience(TEAMS, "here"), HOOK))


@needs_alertmanager
def test_alertmanager_takes_the_configuration(config):
    said = amtool("check-config", config)
    assert "SUCCESS" in said
    assert "5 inhibit rules" in said
    assert "5 receivers" in said


@needs_alertmanager
@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (["severity=warning", "team=shops"], "kubewright/itself,shops"),
        (["severity=critical", "team=maps"], "kubewright/itself,maps"),
        (["severity=critical", "team=platform"], "kubewright/itself,platform"),
        (["severity=warning", "team=unheard-of"], "kubewright/itself,platform"),
        (["severity=none", "alertname=Watchdog"], "kubewright/nobody"),
        (["severity=warning", "team=shops", "node=pool-a-1"], "kubewright/itself,shops"),
    ],
)
def test_an_alert_reaches_its_team_and_kubewright(config, labels, receivers):
    assert amtool("config", "routes", "test", f"--config.file={config}", *labels).strip() == receivers


@needs_alertmanager
def test_teams_may_be_called_what_they_like(tmp_path):
    names = ("nobody", "kubewright", "Team_A.b")
    found = with_namespaces(Audience(), {f"n{number}": name for number, name in enumerate(names)})
    path = write(tmp_path / "alertmanager.yml", alertmanager_config(found, HOOK))
    assert "SUCCESS" in amtool("check-config", path)
    for name in names:
        reached = amtool("config", "routes", "test", f"--config.file={path}", "severity=warning", f"team={name}")
        assert reached.strip() == f"kubewright/itself,{name}"


@needs_alertmanager
def test_without_teams_everything_is_the_platform_teams(tmp_path):
    path = write(tmp_path / "alertmanager.yml", alertmanager_config(Audience()))
    assert "SUCCESS" in amtool("check-config", path)
    assert amtool("config", "routes", "test", f"--config.file={path}", "severity=warning").strip() == "platform"


def test_alerts_about_a_namespace_are_given_to_its_team_unless_a_rule_says_whose():
    (maps, shops) = team_relabelling(audience(TEAMS, "here").by_namespace)
    assert (maps["replacement"], maps["regex"]) == ("maps", "platform;(maps)")
    assert (shops["replacement"], shops["regex"]) == ("shops", "platform;(shop|till)")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"teams": [{"name": "a"}, {"name": "a"}]}, "team a is there twice"),
        (
            {"teams": [{"name": "a", "namespaces": ["x"]}, {"name": "b", "namespaces": ["x"]}]},
            "namespace x is there twice",
        ),
        ({"teams": [{"namespaces": ["x"]}]}, "name"),
        ({"teams": [{"name": ""}]}, "a team's name, '': it has none"),
        ({"teams": [{"name": 'a"b'}]}, "a team's name, .*: a valid label must"),
        ({"teams": [{"name": "a", "namespaces": [".*"]}]}, "namespace '.\\*' of team a: a lowercase RFC 1123 label"),
        ({"teams": [{"name": "a", "webhook": "chat.example.com"}]}, "webhook of team a"),
        ({"teams": [{"name": "a", "webhooks": "x"}]}, "webhooks"),
        ({"teams": {"a": {}}}, "array"),
        ({"maintenance": [{"name": "m", "matchers": [], "times": []}]}, "must say what it holds back"),
        ([], "object"),
    ],
)
def test_what_an_administrator_got_wrong_is_said(document, said):
    with pytest.raises(OpError, match=said):
        audience(document, "teams.yml")


def test_namespaces_say_whose_they_are_and_the_file_is_right():
    found = with_namespaces(audience(TEAMS, "here"), {"shop": "thieves", "new": "shops", "lab": "science"})
    assert found.by_namespace == {"shop": "shops", "till": "shops", "new": "shops", "maps": "maps", "lab": "science"}
    assert [each.name for each in with_names(found, ["science", "art"]).teams][-1] == "art"


@needs_prometheus
@pytest.mark.parametrize(
    "reach", [Inside(), Through("https://127.0.0.1:6443", "ca.crt", "token")], ids=["inside", "through"]
)
def test_prometheus_takes_its_configuration(tmp_path, reach):
    path = write(tmp_path / "prometheus.yml", prometheus_config(reach))
    assert "SUCCESS" in promtool("check", "config", "--syntax-only", path)


def test_the_scrape_of_annotated_pods_is_as_the_mission_has_it():
    config = prometheus_config(Inside())
    assert config["global"] == {"scrape_interval": "15s", "evaluation_interval": "15s"}
    (job,) = [each for each in config["scrape_configs"] if each["job_name"] == "kubernetes-pods"]
    assert job["kubernetes_sd_configs"] == [{"role": "pod"}]
    rules = {tuple(each.get("source_labels", ())): each for each in job["relabel_configs"]}
    keep = rules["__meta_kubernetes_pod_annotation_prometheus_io_scrape", "__meta_kubernetes_pod_phase"]
    assert (keep["action"], keep["regex"]) == ("keep", "true;Running")
    path = rules["__meta_kubernetes_pod_annotation_prometheus_io_path",]
    assert (path["target_label"], path["regex"]) == ("__metrics_path__", "(.+)")


def rendered(*arguments):
    done = CliRunner().invoke(cli, ["monitoring", "render", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_files_are_written(tmp_path):
    teams = write(tmp_path / "teams.yml", TEAMS)
    rendered("-d", str(tmp_path / "out"), "--teams", str(teams), "--hook", HOOK.url, "--interval", "5s")
    config = yaml.safe_load((tmp_path / "out/prometheus.yml").read_text())
    assert config["global"]["scrape_interval"] == "5s"
    assert config["alerting"]["alert_relabel_configs"]
    assert Path(tmp_path / "out/rules/kubewright.yml").exists()
    assert (
        yaml.safe_load((tmp_path / "out/alertmanager.yml").read_text())["receivers"][1]["name"] == "kubewright/itself"
    )


@pytest.mark.parametrize(
    ("form", "kinds"),
    [
        ("configmaps", {"ConfigMap", "Secret"}),
        ("operator", {"PrometheusRule", "ServiceMonitor", "PodMonitor", "AlertmanagerConfig", "ConfigMap", "Secret"}),
    ],
)
def test_objects_are_printed(tmp_path, form, kinds):
    teams = write(tmp_path / "teams.yml", TEAMS)
    documents = list(yaml.safe_load_all(rendered("--form", form, "--teams", str(teams), "-n", "watch")))
    assert {each["kind"] for each in documents} == kinds
    told = {
        (each["metadata"]["namespace"], each["metadata"]["name"])
        for each in documents
        if each["kind"] == "AlertmanagerConfig"
    }
    assert told == ({(each, "kubewright-team") for each in ("shop", "till", "maps")} if form == "operator" else set())


def test_what_exporters_tell_is_not_labelled_as_if_it_were_about_their_own_pods():
    documents = yaml.safe_load_all(rendered("--form", "operator", "-n", "watch"))
    monitors = {
        each["metadata"]["name"]: each["spec"]["endpoints"] for each in documents if each["kind"] == "ServiceMonitor"
    }
    assert set(monitors) == {"kubewright-kube-state-metrics", "kubewright-node-exporter", "kubewright-dcgm-exporter"}
    for endpoint in (endpoint for endpoints in monitors.values() for endpoint in endpoints):
        [dropped] = [each["regex"] for each in endpoint["relabelings"] if each.get("action") == "labeldrop"]
        assert {"namespace", "pod"} <= set(dropped.split("|"))


@needs_prometheus
def test_a_rule_file_of_applications_is_what_prometheus_takes(tmp_path):
    app = {
        "apiVersion": "app.example.com/v1",
        "kind": "AppService",
        "metadata": {"name": "shop"},
        "spec": {"image": "a:1", "team": "shops", "slo": {"availability": 99.5}},
    }
    path = write(tmp_path / "app.yml", app)
    rendered("-d", str(tmp_path / "out"), "-f", str(path), "--patience", "0.1")
    assert "SUCCESS" in promtool("check", "rules", tmp_path / "out/rules/kubewright.yml")
    assert "SloErrorsBurn" in (tmp_path / "out/rules/kubewright.yml").read_text()


def test_teams_of_the_cluster_are_told_unless_the_file_says_otherwise():
    own = [
        Team("shops", ("elsewhere",), "http://other.example.com"),
        Team("pay", ("pay-prod", "till"), "http://chat.example.com/pay"),
    ]
    found = with_teams(audience(TEAMS, "teams.yaml"), own)
    by_name = {each.name: each for each in found.teams}
    assert by_name["shops"].webhook == "http://chat.example.com/shops"
    assert by_name["pay"].namespaces == ("pay-prod",)
    receivers = {each["name"]: each for each in alertmanager_config(found)["receivers"]}
    assert receivers["pay"]["webhook_configs"][0]["url"] == "http://chat.example.com/pay"
    assert found.by_namespace["till"] == "shops"


def test_a_team_of_the_cluster_whose_address_is_none_is_refused():
    with pytest.raises(OpError, match="no address that begins with"):
        with_teams(Audience(), [Team("pay", webhook="chat")])
