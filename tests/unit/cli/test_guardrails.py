"""`kubewright guardrails`: rails as code, and what they say of files."""

from __future__ import annotations

import pytest
import yaml
from click.testing import CliRunner

from kubewright.cli.main import cli
from kubewright.cli.main import found as found_in
from kubewright.errors import OpError

POLICY = {
    "apiVersion": "kubewright.dev/v1alpha1",
    "kind": "PlatformPolicy",
    "metadata": {"name": "base"},
    "spec": {"rails": {"registries": ["registry.example.com"], "limits": ["memory"], "trial": ["registries"]}},
}


def workload(image="registry.example.com/web:1", memory="", **metadata):
    resources = {"resources": {"limits": {"memory": memory}}} if memory else {}
    pod = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "main", "image": image, **resources}]},
    }
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": pod}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", **metadata}, "spec": spec}


@pytest.fixture
def call(tmp_path):
    def call(*arguments, policy=POLICY, documents=()):
        (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy))
        (tmp_path / "work.yaml").write_text(yaml.safe_dump_all(documents))
        words = [each.replace("@", f"{tmp_path}/") for each in arguments]
        return CliRunner().invoke(cli, ["guardrails", *words])

    return call


def checked(call, *documents, options=()):
    return call("check", "-f", "@work.yaml", "-p", "@policy.yaml", *options, documents=documents)


def test_policies_are_printed_for_a_cluster_without_kubewright(call):
    documents = list(yaml.safe_load_all(call("render", "-f", "@policy.yaml").output))
    assert [each["kind"] for each in documents] == ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"] * 2
    (but,) = documents[1]["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
    assert but["values"] == ["kube-system"]


def test_what_passes_passes(call):
    found = checked(call, workload(memory="1Gi"))
    assert (found.exit_code, found.output) == (0, "all pass\n")


def test_pods_that_would_be_refused_later_are_told_of(call):
    found = checked(call, workload())
    assert found.exit_code == 3
    assert found.output.startswith("refused the pods of Deployment/default/web: ")
    assert "container main has no limit of memory; allowed by limits of platform-base" in found.output
    assert found.output.endswith("1 refused, 0 warnings\n")


def test_a_limit_range_among_the_files_gives_the_limits(call):
    limits = {"limits": [{"type": "Container", "default": {"memory": "1Gi"}}]}
    ranges = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "a"}, "spec": limits}
    assert checked(call, workload(), ranges).output == "all pass\n"


def test_a_rail_in_trial_warns_once(call):
    found = checked(call, workload("nginx:1", "1Gi"))
    assert found.exit_code == 0
    assert found.output.count("image docker.io/library/nginx:1; allowed by registries") == 1


def test_exempt_namespaces_are_exempt(call):
    assert checked(call, workload(), options=["-n", "kube-system"]).output == "all pass\n"
    assert checked(call, workload(namespace="kube-system")).exit_code == 0


def test_what_a_server_would_refuse_anyway_is_told_in_its_words(call):
    found = checked(call, {**workload(memory="1Gi"), "spec": {}})
    assert found.exit_code == 3
    assert "spec.selector: Required value" in found.output


def test_a_kind_that_is_not_known_here_is_told_of(call):
    found = checked(call, {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}})
    assert found.output.startswith("warning Thing/default/a: is of a kind that guard rails do not look at")


@pytest.mark.parametrize(
    ("rails", "told"),
    [
        ({"registries": ["*"]}, "spec.rails.registries"),
        ({"hosts": ["https://a"]}, "spec.rails.hosts"),
        ({"tolerations": ["a=b=c"]}, "spec.rails.tolerations"),
        ({"trial": ["nothing"]}, "spec.rails.trial"),
        ({"hostPath": []}, 'unknown field "spec.rails.hostPath"'),
        ({"gpusPerPod": -1}, "spec.rails.gpusPerPod"),
    ],
)
def test_a_policy_that_says_nonsense_is_refused(call, rails, told):
    found = call("render", "-f", "@policy.yaml", policy={**POLICY, "spec": {"rails": rails}})
    error = found_in(found.exception, OpError)
    assert error is not None
    assert told in str(error)


def test_a_document_that_is_no_policy_is_refused(call):
    found = call("render", "-f", "@policy.yaml", policy={**POLICY, "kind": "Other"})
    assert "expected a PlatformPolicy of kubewright.dev/v1alpha1" in str(found_in(found.exception, OpError))
