"""What no account of ours is given, whatever it is for."""

from __future__ import annotations

import pytest
import yaml
from click.testing import CliRunner

from kubewright.cli.main import cli
from kubewright.cli.rbac import ACCOUNTS

DELEGATOR = "system:auth-delegator"
ANY_SCALE = {"apiGroups": ["*"], "resources": ["*/scale"], "verbs": ["get", "patch"]}


def rules_of(service):
    printed = CliRunner().invoke(cli, ["rbac", "--service", service], catch_exceptions=False).output
    return [rule for each in yaml.safe_load_all(printed) for rule in each.get("rules", ())]


@pytest.mark.parametrize("service", ACCOUNTS)
def test_no_wildcards_but_for_scales(service):
    wild = [
        each for each in rules_of(service) if "*" in "".join([*each["verbs"], *each["apiGroups"], *each["resources"]])
    ]
    assert wild == ([ANY_SCALE] if service in {"autoscaler", "up"} else [])


@pytest.mark.parametrize("service", ACCOUNTS)
def test_nobodys_secrets_are_listed_and_only_named_ones_are_read(service):
    for rule in rules_of(service):
        if "secrets" in rule["resources"]:
            assert set(rule["verbs"]) <= ({"get", "patch"} if rule.get("resourceNames") else {"create"})


@pytest.mark.parametrize("service", ACCOUNTS)
def test_nobody_acts_as_another_or_gives_out_rights_but_named_ones(service):
    for rule in rules_of(service):
        assert "impersonate" not in rule["verbs"]
        assert not any(
            each in {"pods/exec", "pods/attach", "pods/portforward", "nodes/proxy"} for each in rule["resources"]
        )
        assert "serviceaccounts/token" not in rule["resources"]
        if {"bind", "escalate"} & set(rule["verbs"]):
            assert service == "tenancy"
            assert rule["resourceNames"]


@pytest.mark.parametrize("service", ACCOUNTS)
def test_each_is_an_account_of_its_own_bound_to_its_own_roles(service):
    printed = CliRunner().invoke(cli, ["rbac", "--service", service, "-n", "ops"], catch_exceptions=False).output
    documents = list(yaml.safe_load_all(printed))
    (name,) = {each["metadata"]["name"] for each in documents}
    for each in documents:
        if each["kind"].endswith("Binding"):
            assert each["roleRef"]["name"] == name
            assert each["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": "ops"}]


def test_who_is_to_show_debug_may_ask_the_cluster_about_others_and_nobody_else_may():
    def roles(*options):
        printed = CliRunner().invoke(cli, ["rbac", *options], catch_exceptions=False).output
        bindings = [each for each in yaml.safe_load_all(printed) if each["kind"] == "ClusterRoleBinding"]
        return {each["roleRef"]["name"]: (each["metadata"]["name"], each["subjects"]) for each in bindings}

    subjects = [{"kind": "ServiceAccount", "name": "kubewright", "namespace": "default"}]
    assert roles("--debug")[DELEGATOR] == ("kubewright-auth-delegator", subjects)
    assert DELEGATOR not in roles()


def printed(*options):
    return CliRunner().invoke(cli, ["rbac", *options])


def test_several_services_have_one_account_with_the_rights_of_each():
    def rules(*options):
        return [rule for each in yaml.safe_load_all(printed(*options).output) for rule in each.get("rules", ())]

    both = rules("--services", "sizing, gpu")
    assert all(rule in both for service in ("sizing", "gpu") for rule in rules("--service", service))
    assert len(both) < len(rules("--service", "sizing")) + len(rules("--service", "gpu"))
    assert rules("--services", "workloads,autoscaler") == rules() == rules("--service", "up")
    assert all(rule in rules("--services", "all") for rule in both)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        pytest.param(["rbac", "--services", "dashboard"], "runs by itself: kubewright run dashboard", id="pages"),
        pytest.param(["up", "--services", "sizing,dashboard"], "runs by itself", id="pages in one process"),
        pytest.param(["rbac", "--services", "nobody"], "nobody: the services are workloads,", id="no such service"),
        pytest.param(["rbac", "--services", "gpu", "--service", "gpu"], "two ways to say whose", id="twice"),
    ],
)
def test_names_that_cannot_be_are_told(command, told):
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 2
    assert told in done.output
