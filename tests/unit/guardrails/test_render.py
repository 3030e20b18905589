"""What Rails become: which policies there are, and what they say."""

from __future__ import annotations

import msgspec
import pytest

from kubewright.api.crds.rails import TRIABLE, Rails
from kubewright.guardrails.render import drawn, of_team, platform, render
from kubewright.twin.validation.policies import validate_policy, validate_policy_binding

SHOP = of_team("shop")


def specs(documents, kind="ValidatingAdmissionPolicyBinding"):
    return {each["metadata"]["name"]: each["spec"] for each in documents if each["kind"] == kind}


def test_rails_that_say_nothing_make_no_policy():
    assert render(Rails(), SHOP) == []


def test_every_field_is_a_rail_that_can_be_tried():
    assert {each.encode_name for each in msgspec.structs.fields(Rails)} == {*TRIABLE, "trial"}


def test_rails_of_one_family_share_a_policy_and_those_in_trial_only_warn():
    rails = Rails(registries=("example.com",), deny_privileged=True, service_types=(), trial=("denyPrivileged",))
    assert {name: spec["validationActions"] for name, spec in specs(render(rails, SHOP)).items()} == {
        "kubewright.team-shop.pods": ["Deny"],
        "kubewright.team-shop.pods.trial": ["Warn", "Audit"],
        "kubewright.team-shop.services": ["Deny"],
    }


def test_what_cannot_be_judged_is_refused():
    (spec,) = specs(render(Rails(registries=()), SHOP), "ValidatingAdmissionPolicy").values()
    assert spec["failurePolicy"] == "Fail"


def test_the_platform_is_bound_to_all_namespaces_but_those_that_are_named():
    (spec,) = specs(render(Rails(registries=()), platform("base", ("kube-system", "a")))).values()
    but = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["a", "kube-system"]}
    assert spec["matchResources"] == {"namespaceSelector": {"matchExpressions": [but]}}
    (spec,) = specs(render(Rails(registries=()), platform("base", ()))).values()
    assert "matchResources" not in spec


def test_a_team_is_bound_to_the_namespaces_that_bear_its_label():
    (spec,) = specs(render(Rails(registries=()), SHOP)).values()
    borne = {"key": "kubewright.dev/team", "operator": "In", "values": ["shop"]}
    assert spec["matchResources"] == {"namespaceSelector": {"matchExpressions": [borne]}}


@pytest.mark.parametrize("text", ['"', "\\", "'", "\u00e9", '") || true || ("', "${x}", "\U0001f600"])
def test_a_value_never_becomes_part_of_an_expression(text: str):
    rails = Rails(
        registries=(text,),
        host_paths=(text,),
        capabilities=(text,),
        limits=(text,),
        tolerations=(text,),
        node_labels={text: (text,)},
        hosts=(text,),
    )
    documents = render(rails, SHOP)
    checks = {"ValidatingAdmissionPolicy": validate_policy, "ValidatingAdmissionPolicyBinding": validate_policy_binding}
    assert [error for each in documents for error in checks[each["kind"]](each, None)] == []
    assert [len(spec["validations"]) for spec in specs(documents, "ValidatingAdmissionPolicy").values()] == [6, 1]
    assert len(drawn(rails)) == 7
