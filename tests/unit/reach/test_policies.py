"""What NetworkPolicies do: the examples that the documentation of Kubernetes gives, each with who gets through."""

import pytest

from kubewright.reach.answers import Reached
from kubewright.reach.questions import can_reach
from tests.unit.reach.build import pod, policy, world

EVERYONE = {"podSelector": {}}
DB = pod("db", ip="10.0.0.1", labels={"role": "db"}, ports=[(6379, "redis"), (32000, "first")])
FRONTEND = pod("frontend", ip="10.0.0.2", labels={"role": "frontend"})
OTHER = pod("other", ip="10.0.0.3", labels={"role": "other"})
FRIEND = pod("friend", "myproject", ip="10.0.1.1", labels={"role": "client"})
STRANGER = pod("stranger", "elsewhere", ip="10.0.2.1", labels={"role": "frontend"})
PODS = (DB, FRONTEND, OTHER, FRIEND, STRANGER)
SPACES = {"myproject": {"project": "myproject"}}
FROM_THREE = [
    {"ipBlock": {"cidr": "172.17.0.0/16", "except": ["172.17.1.0/24"]}},
    {"namespaceSelector": {"matchLabels": {"project": "myproject"}}},
    {"podSelector": {"matchLabels": {"role": "frontend"}}},
]
BIG = policy(
    "test-network-policy",
    podSelector={"matchLabels": {"role": "db"}},
    policyTypes=["Ingress", "Egress"],
    ingress=[{"from": FROM_THREE, "ports": [{"protocol": "TCP", "port": 6379}]}],
    egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}], "ports": [{"protocol": "TCP", "port": 5978}]}],
)
RANGE = policy(
    "multi-port-egress",
    podSelector={"matchLabels": {"role": "db"}},
    policyTypes=["Egress"],
    egress=[
        {"to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}], "ports": [{"protocol": "TCP", "port": 32000, "endPort": 32768}]}
    ],
)
IN_AND = {
    "namespaceSelector": {"matchLabels": {"project": "myproject"}},
    "podSelector": {"matchLabels": {"role": "client"}},
}
BOTH = policy("both", podSelector={}, ingress=[{"from": [IN_AND]}])
EITHER = policy("either", podSelector={}, ingress=[{"from": [{key: each} for key, each in IN_AND.items()]}])
BY_NAME = policy(
    "by-name",
    podSelector={},
    egress=[{"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "myproject"}}}]}],
    policyTypes=["Egress"],
)
SEVERAL = policy(
    "several",
    podSelector={},
    policyTypes=["Egress"],
    egress=[
        {
            "to": [
                {
                    "namespaceSelector": {
                        "matchExpressions": [
                            {
                                "key": "kubernetes.io/metadata.name",
                                "operator": "In",
                                "values": ["myproject", "other-one"],
                            }
                        ]
                    }
                }
            ]
        }
    ],
)
DENY_IN = policy("default-deny-ingress", **EVERYONE, policyTypes=["Ingress"])
ALLOW_IN = policy("allow-all-ingress", **EVERYONE, ingress=[{}], policyTypes=["Ingress"])
DENY_OUT = policy("default-deny-egress", **EVERYONE, policyTypes=["Egress"])
ALLOW_OUT = policy("allow-all-egress", **EVERYONE, egress=[{}], policyTypes=["Egress"])
DENY_ALL = policy("default-deny-all", **EVERYONE, policyTypes=["Ingress", "Egress"])
NAMED = policy("named", podSelector={}, ingress=[{"ports": [{"port": "redis"}]}])
YES, NO = Reached.YES, Reached.NO

CASES = [
    pytest.param([], "pod/other", "pod/db", 6379, YES, id="no policy: everything is let through"),
    pytest.param([BIG], "pod/frontend", "pod/db", 6379, YES, id="the large example: pods by label in the namespace"),
    pytest.param([BIG], "pod/other", "pod/db", 6379, NO, id="the large example: no other pod"),
    pytest.param([BIG], "elsewhere/pod/stranger", "pod/db", 6379, NO, id="the large example: no namesake elsewhere"),
    pytest.param([BIG], "myproject/pod/friend", "pod/db", 6379, YES, id="the large example: pods of a namespace"),
    pytest.param([BIG], "172.17.0.9", "pod/db", 6379, YES, id="the large example: a range of addresses"),
    pytest.param([BIG], "172.17.1.9", "pod/db", 6379, NO, id="the large example: but not what is left out of it"),
    pytest.param([BIG], "pod/frontend", "pod/db", 6380, NO, id="the large example: no other port"),
    pytest.param([BIG], "pod/db", "10.0.0.200", 5978, YES, id="the large example: out to a range"),
    pytest.param([BIG], "pod/db", "10.0.1.200", 5978, NO, id="the large example: out to nothing else"),
    pytest.param([BIG], "pod/frontend", "pod/other", 80, YES, id="the large example: others are not isolated"),
    pytest.param([DENY_IN], "pod/frontend", "pod/db", 6379, NO, id="default deny of ingress"),
    pytest.param([DENY_IN], "pod/frontend", "myproject/pod/friend", 80, YES, id="default deny of ingress lets out"),
    pytest.param([DENY_IN, ALLOW_IN], "pod/frontend", "pod/db", 6379, YES, id="allow all ingress beside a denial"),
    pytest.param([DENY_OUT], "pod/frontend", "8.8.8.8", 443, NO, id="default deny of egress"),
    pytest.param([DENY_OUT], "myproject/pod/friend", "pod/db", 6379, YES, id="default deny of egress lets in"),
    pytest.param([DENY_OUT, ALLOW_OUT], "pod/frontend", "8.8.8.8", 443, YES, id="allow all egress beside a denial"),
    pytest.param([DENY_ALL], "myproject/pod/friend", "pod/db", 6379, NO, id="default deny of all: in"),
    pytest.param([DENY_ALL], "pod/db", "myproject/pod/friend", 80, NO, id="default deny of all: out"),
    pytest.param([DENY_ALL, ALLOW_IN], "pod/frontend", "pod/db", 6379, NO, id="both ends must allow it"),
    pytest.param([DENY_ALL, ALLOW_IN, ALLOW_OUT], "pod/frontend", "pod/db", 6379, YES, id="both ends do allow it"),
    pytest.param([DENY_ALL], "pod/db", "pod/db", 6379, YES, id="a pod always reaches itself"),
    pytest.param([DENY_ALL], "node/n1", "pod/db", 6379, YES, id="a node always reaches its pods"),
    pytest.param([DENY_ALL], "node/n2", "pod/db", 6379, NO, id="another node does not"),
    pytest.param([RANGE], "pod/db", "10.0.0.200", 32000, YES, id="a range of ports: its beginning"),
    pytest.param([RANGE], "pod/db", "10.0.0.200", 32768, YES, id="a range of ports: its end"),
    pytest.param([RANGE], "pod/db", "10.0.0.200", 32769, NO, id="a range of ports: beyond it"),
    pytest.param([BOTH], "myproject/pod/friend", "pod/db", 6379, YES, id="one peer of two selectors: both hold"),
    pytest.param([BOTH], "pod/frontend", "pod/db", 6379, NO, id="one peer of two selectors: not any pod"),
    pytest.param([EITHER], "myproject/pod/friend", "pod/db", 6379, YES, id="two peers: either holds"),
    pytest.param([EITHER], "pod/frontend", "pod/db", 6379, NO, id="two peers: neither holds"),
    pytest.param([BY_NAME], "pod/db", "myproject/pod/friend", 80, YES, id="a namespace by its name"),
    pytest.param([BY_NAME], "pod/db", "elsewhere/pod/stranger", 80, NO, id="no namespace of another name"),
    pytest.param([SEVERAL], "pod/db", "myproject/pod/friend", 80, YES, id="several namespaces by name"),
    pytest.param([SEVERAL], "pod/db", "elsewhere/pod/stranger", 80, NO, id="no other of several namespaces"),
    pytest.param([NAMED], "pod/other", "pod/db", 6379, YES, id="a port by the name that the pod gives it"),
    pytest.param([NAMED], "pod/other", "pod/frontend", 6379, NO, id="a name that the pod does not have"),
]


@pytest.mark.parametrize(("policies", "source", "destination", "port", "reached"), CASES)
def test_documented_examples(policies, source, destination, port, reached):
    answer = can_reach(source, destination, world(PODS, policies, SPACES), port=port, protocol="TCP")
    assert answer.reached is reached
    if reached is NO:
        assert answer.remedy, answer.unmended


def test_what_refuses_and_what_lets_through_is_named_with_its_entry():
    seen = world(PODS, [BIG, RANGE], SPACES)
    (route,) = can_reach("pod/frontend", "pod/db", seen, port=6379).routes
    assert [hop.rule for hop in route.hops if hop.stage == "ingress"] == [
        "networkpolicy default/test-network-policy ingress[0]"
    ]
    (hop,) = can_reach("pod/frontend", "pod/db", seen, port=80).blockers
    assert (hop.stage, hop.rule) == ("ingress", "networkpolicy default/test-network-policy")
    assert "ingress[0] has other ports" in hop.detail


def test_a_policy_that_says_no_types_isolates_for_egress_only_with_such_rules():
    quiet = policy("quiet", podSelector={}, ingress=[{}])
    assert can_reach("pod/db", "8.8.8.8", world(PODS, [quiet]), port=443).reached is YES
    spoken = policy("spoken", podSelector={}, ingress=[{}], egress=[{"ports": [{"port": 80}]}])
    assert can_reach("pod/db", "8.8.8.8", world(PODS, [spoken]), port=443).reached is NO


def test_the_remedy_is_one_policy_for_each_end_that_refuses_by_the_fewest_labels():
    answer = can_reach("pod/frontend", "pod/db", world(PODS, [DENY_ALL]), port=6379)
    out, into = answer.remedy
    assert out["spec"] == {
        "podSelector": {"matchLabels": {"role": "frontend"}},
        "policyTypes": ["Egress"],
        "egress": [
            {
                "to": [{"podSelector": {"matchLabels": {"role": "db"}}}],
                "ports": [{"protocol": "TCP", "port": 6379}],
            }
        ],
    }
    assert into["spec"]["ingress"][0]["from"] == [{"podSelector": {"matchLabels": {"role": "frontend"}}}]


def test_a_remedy_selects_no_pod_that_nobody_isolated():
    canary = pod("canary", ip="10.0.0.8", labels={"role": "db", "track": "canary"})
    few = policy("few", podSelector={"matchLabels": {"track": "canary"}}, policyTypes=["Ingress"])
    answer = can_reach("pod/other", "pod/canary", world((*PODS, canary), [few]), port=1)
    (into,) = answer.remedy
    assert into["spec"]["podSelector"] == {"matchLabels": {"track": "canary"}}


def test_of_the_internet_a_rule_for_some_addresses_is_not_a_yes():
    some = policy("some", podSelector={}, ingress=[{"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}])
    partly = policy("partly", podSelector={}, ingress=[{"from": [{"ipBlock": {"cidr": "8.8.8.0/24"}}]}])
    private = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "192.168.0.0/16"]}}
    whole = policy("whole", podSelector={}, ingress=[{"from": [private]}])
    for given, reached in ((some, NO), (partly, Reached.UNKNOWN), (whole, YES)):
        assert can_reach("internet", "pod/db", world(PODS, [given]), port=6379).reached is reached


def test_pods_on_the_hosts_network_are_told_unknown_where_plugins_differ():
    host = pod("host", ip="192.168.0.2", node="n2", labels={"role": "frontend"}, hostNetwork=True)
    only = policy("only", podSelector={}, ingress=[{"from": [{"podSelector": {"matchLabels": {"role": "frontend"}}}]}])
    answer = can_reach("pod/host", "pod/db", world((*PODS, host), [only]), port=6379)
    assert answer.reached is Reached.UNKNOWN
    by_address = policy("addr", podSelector={}, ingress=[{"from": [{"ipBlock": {"cidr": "192.168.0.2/32"}}]}])
    assert can_reach("pod/host", "pod/db", world((*PODS, host), [only, by_address]), port=6379).reached is YES


def test_a_whole_deployment_and_which_of_its_pods_differ():
    members = [pod(f"web-{n}", ip=f"10.0.3.{n}", labels={"app": "web", "track": t}) for n, t in ((1, "a"), (2, "b"))]
    for each in members:
        each["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "web", "uid": "u", "controller": True}]
    only = policy("only", podSelector={}, ingress=[{"from": [{"podSelector": {"matchLabels": {"track": "a"}}}]}])
    made = [{"metadata": {"name": "web", "namespace": "default", "uid": "u"}}]
    answer = can_reach("deployment/web", "pod/db", world((*PODS, *members), [only], deployments=made), port=6379)
    assert answer.reached is Reached.PARTLY
    refused, allowed = answer.routes
    assert [[str(source) for source, _ in route.pairs] for route in (refused, allowed)] == [
        ["pod/default/web-2"],
        ["pod/default/web-1"],
    ]


def test_what_was_not_read_or_is_not_looked_at_is_never_taken_for_open():
    unread = world(PODS, unread={"networkpolicies": "forbidden"})
    assert can_reach("pod/other", "pod/db", unread, port=6379).reached is Reached.UNKNOWN
