"""What services and DNS make of a connection: where it comes out, or why nowhere."""

import pytest

from kubewright.api.meta import ObjectKey
from kubewright.errors import ErrorKind, OpError
from kubewright.reach.answers import Reached
from kubewright.reach.documents import answer_document
from kubewright.reach.ends import Host
from kubewright.reach.questions import can_reach
from kubewright.reach.verdict import Verdict
from kubewright.reach.world import Foreign
from tests.unit.reach.build import piece, pod, policy, service, world

YES, NO, PARTLY, UNKNOWN = Reached.YES, Reached.NO, Reached.PARTLY, Reached.UNKNOWN
CALLER = pod("caller", ip="10.0.0.1", labels={"app": "caller"})
WEB = [pod(f"web-{n}", ip=f"10.0.1.{n}", node=f"n{n}", labels={"app": "web"}, ports=[(8080, "http")]) for n in (1, 2)]
DENY_OUT = policy("deny-out", podSelector={"matchLabels": {"app": "caller"}}, policyTypes=["Egress"])
TO_WEB = policy(
    "to-web",
    podSelector={"matchLabels": {"app": "caller"}},
    policyTypes=["Egress"],
    egress=[{"to": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 8080}]}],
)


def web(**spec):
    return service("web", selector={"app": "web"}, **spec)


def dns(pods):
    made = service(
        "kube-dns", "kube-system", ports=((53, 53, "UDP"), (53, 53, "TCP")), selector={"k8s-app": "kube-dns"}
    )
    for each, name in zip(made["spec"]["ports"], ("dns", "dns-tcp"), strict=True):
        each["name"] = name
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
    return made, piece(made, pods) | {"ports": ports}


DNS_POD = pod("coredns", "kube-system", ip="10.0.9.1", labels={"k8s-app": "kube-dns"}, ports=[(53, "dns", "UDP")])
DNS_SERVICE, DNS_SLICE = dns([DNS_POD])


def hop(answer, stage):
    return next(each for route in answer.routes for each in route.hops if each.stage == stage)


def asked(made, slices, *, port=80, source="pod/caller", pods=(), policies=(), **options):
    seen = world((CALLER, *WEB, *pods), policies, services=[made], slices=slices)
    return can_reach(source, "service/web", seen, port=port, **options)


def test_a_services_port_is_its_pods_port_once_it_has_been_through():
    found = asked(web(), [piece(web(), WEB)], policies=[DENY_OUT, TO_WEB])
    assert found.reached is YES
    assert (found.routes[0].arrival, hop(found, "egress").rule) == (8080, "networkpolicy default/to-web egress[0]")
    to_front = policy("front", podSelector={}, policyTypes=["Egress"], egress=[{"ports": [{"port": 80}]}])
    assert asked(web(), [piece(web(), WEB)], policies=[to_front]).reached is NO


def test_of_endpoints_those_that_are_ready_count_and_if_none_is_those_that_end_and_serve():
    ready, ending = piece(web(), WEB[:1]), piece(web(), WEB[1:], ready=False, serving=True, terminating=True)
    assert [str(end) for _, end in asked(web(), [ready, ending]).routes[0].pairs] == ["pod/default/web-1"]
    assert [str(end) for _, end in asked(web(), [ending]).routes[0].pairs] == ["pod/default/web-2"]
    assert asked(web(), [piece(web(), WEB, ready=False, serving=False)]).reached is NO


def test_an_endpoint_that_stands_in_two_slices_is_one():
    assert len(asked(web(), [piece(web(), WEB), piece(web(), WEB[:1])]).routes[0].pairs) == 2


EMPTY = [
    pytest.param(web(), [], [], "it has pods that are ready, and no EndpointSlice names them yet", id="no slice yet"),
    pytest.param(service("web", selector={"app": "wbe"}), [], [], "selector app=wbe matches no pod", id="selector"),
    pytest.param(service("web"), [], [], "it has no selector, and no EndpointSlice has an endpoint", id="no selector"),
    pytest.param(
        service("web", selector={"app": "sick"}),
        [],
        [pod("sick", ip="10.0.5.1", ready=False, labels={"app": "sick"})],
        "none of its 1 pods is ready: default/sick Running",
        id="not ready",
    ),
    pytest.param(
        service("web", ports=((80, "grpc"),), selector={"app": "web"}),
        [],
        [],
        "no pod that it selects declares a port named grpc",
        id="a port by a name that no pod has",
    ),
]


@pytest.mark.parametrize(("made", "slices", "pods", "words"), EMPTY)
def test_why_a_service_leads_nowhere(made, slices, pods, words):
    found = asked(made, slices, pods=pods)
    assert found.reached is NO
    assert words in hop(found, "service").detail
    assert found.unmended


def test_a_port_that_a_service_does_not_have():
    assert "it has no port 81/TCP: p80 80/TCP" in hop(asked(web(), [piece(web(), WEB)], port=81), "service").detail


def test_a_service_without_a_selector_leads_where_its_slices_say():
    made = service("web")
    outside = piece(made, [pod("x", ip="203.0.113.9")])
    outside["endpoints"][0].pop("targetRef")
    found = asked(made, [outside])
    assert [str(end) for _, end in found.routes[0].pairs] == ["203.0.113.9"]
    assert found.reached is YES


def test_a_headless_service_maps_no_ports():
    found = asked(web(clusterIP="None"), [piece(web(), WEB)])
    assert (found.routes[0].arrival, hop(found, "service").verdict) == (80, Verdict.WARNED)
    assert "targetPort 8080 is not heeded" in hop(found, "service").detail
    assert asked(web(clusterIP="None"), [piece(web(), WEB)], port="p80").routes[0].arrival == 8080


def test_an_external_name_is_a_host_somewhere_else():
    made = service("web", type="ExternalName", externalName="api.example.com", ports=())
    found = asked(made, [], port=443)
    assert found.reached is YES
    assert found.routes[0].pairs[0][1] == Host("api.example.com")
    assert asked(made, [], port=443, policies=[DENY_OUT]).reached is NO


def test_an_internal_policy_of_local_keeps_to_the_callers_node():
    local = web(internalTrafficPolicy="Local")
    assert [str(end) for _, end in asked(local, [piece(web(), WEB)]).routes[0].pairs] == ["pod/default/web-1"]
    found = asked(local, [piece(web(), WEB[1:])])
    assert "internalTrafficPolicy is Local" in hop(found, "service").detail
    assert found.reached is NO


def test_from_outside_a_cluster_ip_has_no_address_and_a_load_balancer_hides_the_caller():
    assert asked(web(), [piece(web(), WEB)], source="internet").reached is NO
    balanced = web(type="LoadBalancer")
    assert asked(balanced, [piece(web(), WEB)], source="internet").reached is YES
    from_range = policy("in", podSelector={}, ingress=[{"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}])
    slices = [piece(web(), WEB)]
    assert asked(balanced, slices, source="203.0.113.7", policies=[from_range]).reached is UNKNOWN
    kept = web(type="LoadBalancer", externalTrafficPolicy="Local")
    assert asked(kept, slices, source="203.0.113.7", policies=[from_range]).reached is YES


def test_a_node_port_leads_to_the_services_pods():
    made = web(type="NodePort")
    made["spec"]["ports"][0]["nodePort"] = 30080
    seen = world((CALLER, *WEB), services=[made], slices=[piece(web(), WEB)])
    found = can_reach("203.0.113.7", "node/n1", seen, port=30080)
    assert (found.reached, found.routes[0].arrival, len(found.routes[0].pairs)) == (YES, 8080, 2)


def test_pods_of_a_service_that_differ_are_told_apart():
    shut = policy("shut", podSelector={"matchLabels": {"shut": "yes"}}, policyTypes=["Ingress"])
    odd = pod("web-3", ip="10.0.1.3", labels={"app": "web", "shut": "yes"}, ports=[(8080, "http")])
    found = asked(web(), [piece(web(), [*WEB, odd])], pods=[odd], policies=[shut])
    assert found.reached is PARTLY
    assert [len(route.pairs) for route in found.routes] == [1, 2]
    (fix,) = found.remedy
    assert fix["spec"]["podSelector"] == {"matchLabels": {"shut": "yes"}}


def with_dns(*policies, caller=CALLER, pods=()):
    seen = world(
        (caller, *WEB, DNS_POD, *pods), policies, services=[web(), DNS_SERVICE], slices=[piece(web(), WEB), DNS_SLICE]
    )
    return can_reach("pod/caller", "service/web", seen, port=80)


def test_without_names_a_service_is_not_reached_and_what_is_offered_opens_that_too():
    found = with_dns(TO_WEB)
    assert found.reached is NO
    assert (hop(found, "dns").verdict, hop(found, "dns").rule) == (Verdict.REFUSED, "networkpolicy default/to-web")
    (fix,) = found.remedy
    assert fix["spec"]["egress"] == [
        {
            "to": [
                {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                }
            ],
            "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
        }
    ]


def test_names_by_udp_alone_are_a_warning():
    udp = policy("udp", podSelector={}, policyTypes=["Egress"], egress=[{"ports": [{"protocol": "UDP", "port": 53}]}])
    found = with_dns(TO_WEB, udp)
    assert (found.reached, hop(found, "dns").verdict) == (YES, Verdict.WARNED)


def test_policies_of_dns_pods_count_as_well():
    closed = policy("closed", "kube-system", podSelector={}, policyTypes=["Ingress"])
    assert hop(with_dns(closed), "dns").rule == "networkpolicy kube-system/closed"


def test_by_its_address_a_service_needs_no_names():
    seen = world(
        (CALLER, *WEB, DNS_POD), [TO_WEB], services=[web(), DNS_SERVICE], slices=[piece(web(), WEB), DNS_SLICE]
    )
    assert can_reach("pod/caller", "service/web", seen, port=80, by_name=False).reached is YES


def test_a_pod_that_asks_others_for_names_is_not_known():
    assert with_dns(caller=CALLER | {"spec": CALLER["spec"] | {"dnsPolicy": "Default"}}).reached is UNKNOWN


def test_policies_of_other_kinds_leave_it_unknown_where_they_are():
    for key, reached in (
        (ObjectKey("", "x"), UNKNOWN),
        (ObjectKey("default", "x"), UNKNOWN),
        (ObjectKey("y", "x"), YES),
    ):
        seen = world((CALLER, *WEB), foreign=(Foreign("CiliumNetworkPolicy", key),))
        assert can_reach("pod/caller", "pod/web-1", seen, port=8080).reached is reached


def test_pods_that_do_not_run_are_left_out_as_long_as_one_does_and_refuse_alone():
    down = pod("web-3", phase="Pending", labels={"app": "web"})
    seen = world((CALLER, *WEB, down))
    found = can_reach("pod/caller", "namespace/default", seen, port=8080)
    assert "1 of 4 pods of namespace/default do not run" in found.question.destination.notes[0]
    assert can_reach("pod/caller", "pod/web-3", seen, port=8080).reached is NO
    assert can_reach("pod/web-3", "pod/web-1", seen, port=8080).reached is NO


def test_a_port_that_nobody_declares_is_a_warning():
    found = can_reach("pod/caller", "pod/web-1", world((CALLER, *WEB)), port=9999)
    assert (found.reached, hop(found, "destination").verdict) == (YES, Verdict.WARNED)


def test_without_a_port_all_that_there_are_are_asked():
    seen = world((CALLER, *WEB))
    assert [route.port for route in can_reach("pod/caller", "pod/web-1", seen).routes] == [8080]
    assert can_reach("pod/caller", "pod/web-1", seen, port="http").routes[0].port == 8080


@pytest.mark.parametrize(
    ("texts", "port", "kind"),
    [
        (("pod/gone", "pod/web-1"), 80, ErrorKind.NOT_FOUND),
        (("pod/caller", "secret/x"), 80, ErrorKind.INVALID),
        (("pod/caller", "a/b/c/d"), 80, ErrorKind.INVALID),
        (("pod/caller", "pod/"), 80, ErrorKind.INVALID),
        (("pod/caller", "pod/web-1"), 70000, ErrorKind.INVALID),
        (("pod/caller", "pod/web-1"), "nope", ErrorKind.INVALID),
        (("pod/caller", "8.8.8.8"), None, ErrorKind.INVALID),
        (("pod/caller", "app/none"), 80, ErrorKind.NOT_FOUND),
        (("pod/caller", "node/n9"), 80, ErrorKind.NOT_FOUND),
        (("pod/caller", "namespace/empty"), 80, ErrorKind.NOT_FOUND),
        (("pod/caller", "gone.shop.svc.cluster.local"), 80, ErrorKind.NOT_FOUND),
    ],
)
def test_what_is_not_there_or_not_understood_is_an_error(texts, port, kind):
    with pytest.raises(OpError) as error:
        can_reach(*texts, world((CALLER, *WEB)), port=port)
    assert error.value.kind is kind


def test_a_services_address_is_the_service_and_needs_no_name():
    seen = world((CALLER, *WEB), [TO_WEB], services=[web()], slices=[piece(web(), WEB)])
    found = can_reach("pod/caller", "10.96.0.9", seen, port=80)
    assert (found.reached, [each.stage for each in found.routes[0].hops].count("dns")) == (YES, 0)
    assert found.question.destination.notes == ("10.96.0.9 is default/service/web",)


def test_a_service_without_pods_calls_nobody():
    with pytest.raises(OpError, match="no pods to call from"):
        can_reach("service/web", "pod/caller", world((CALLER,), services=[web()]), port=80)


def test_services_that_were_not_read_leave_names_unknown():
    seen = world((CALLER, *WEB), services=[web()], slices=[piece(web(), WEB)], limited={"services": ("default",)})
    assert can_reach("caller", "service/web", seen, port=80).reached is UNKNOWN


def test_names_and_addresses_are_whoever_they_are():
    seen = world((CALLER, *WEB), services=[web()], slices=[piece(web(), WEB)])
    assert can_reach("caller", "web.default.svc", seen, port=80).question.destination.name == "default/service/web"
    assert can_reach("10.0.0.1", "10.0.1.1", seen, port=80).question.source.notes == ("10.0.0.1 is pod/default/caller",)
    assert can_reach("caller", "api.example.com", seen, port=443).reached is YES


def test_an_answer_as_a_document():
    document = answer_document(asked(web(), [piece(web(), WEB)], policies=[DENY_OUT]))
    assert (document["result"], document["port"], document["byName"]) == ("unreachable", 80, True)
    (route,) = document["routes"]
    assert {"port", "protocol", "arrivesAt", "verdict", "hops", "count", "pairs"} == set(route)
    assert route["pairs"][0] == {"source": "pod/default/caller", "destination": "pod/default/web-1"}
    assert {"stage": "egress", "verdict": "refused", "rule": "networkpolicy default/deny-out"}.items() <= dict(
        next(each for each in route["hops"] if each["stage"] == "egress")
    ).items()
