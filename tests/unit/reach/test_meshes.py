"""What service meshes refuse, allow, and leave to what a request contains."""

import msgspec
import pytest

from kubewright.api.crds.appservice import AppService
from kubewright.api.meshes import (
    AuthorizationPolicy,
    LinkerdAuthorization,
    MeshTlsAuthentication,
    NetworkAuthentication,
    PeerAuthentication,
    Server,
    ServerAuthorization,
)
from kubewright.reach.answers import Reached
from kubewright.reach.questions import can_reach
from kubewright.reach.world import Linkerd
from kubewright.workloads.children.mesh import authorization
from tests.unit.reach.build import pod, policy, typed, world

YES, NO, UNKNOWN = Reached.YES, Reached.NO, Reached.UNKNOWN
CART = {"selector": {"matchLabels": {"app": "cart"}}}
HTTP = [(8080, "http")]
AMBIENT = {"istio.io/dataplane-mode": "ambient"}


def meshed(name, namespace="shop", proxy="istio-proxy", ip="10.0.0.9", **options):
    made = pod(name, namespace, ip=ip, serviceAccountName=name, ports=HTTP, **options)
    if proxy:
        made["spec"]["containers"].append({"name": proxy})
    return made


def istio(*policies, tls=(), pods=None, namespaces=None, policies_=()):
    pods = pods or (
        meshed("cart", labels={"app": "cart"}, ip="10.0.0.1"),
        meshed("web", ip="10.0.0.2"),
        meshed("plain", proxy="", ip="10.0.0.3"),
        meshed("far", "other", ip="10.0.0.4"),
    )
    return world(
        pods,
        policies_,
        namespaces,
        istio_policies=typed(AuthorizationPolicy, policies),
        istio_tls=typed(PeerAuthentication, tls),
    )


def source(**fields):
    return [{"source": {name: list(each) for name, each in fields.items()}}]


def operation(**fields):
    return [{"operation": {name: list(each) for name, each in fields.items()}}]


def rule(name="p", namespace="shop", **spec):
    return policy(name, namespace, **CART | spec)


WEB_ACCOUNT = source(principals=["cluster.local/ns/shop/sa/web"])
NOTHING = rule("nothing", action="ALLOW")
ONLY_WEB = rule("only-web", rules=[{"from": WEB_ACCOUNT}])
DENY_WEB = rule("deny-web", action="DENY", rules=[{"from": WEB_ACCOUNT}])
EVERYTHING = rule("everything", rules=[{}])

ISTIO = [
    pytest.param([], "web", YES, "", id="no policy"),
    pytest.param([NOTHING], "web", NO, "authorizationpolicy shop/nothing", id="an ALLOW policy without rules"),
    pytest.param([EVERYTHING], "plain", YES, "authorizationpolicy shop/everything rules[0]", id="an empty rule"),
    pytest.param([ONLY_WEB], "web", YES, "authorizationpolicy shop/only-web rules[0]", id="by its identity"),
    pytest.param([ONLY_WEB], "other/pod/far", NO, "authorizationpolicy shop/only-web", id="another identity"),
    pytest.param([ONLY_WEB], "plain", NO, "authorizationpolicy shop/only-web", id="in plain text nobody is anybody"),
    pytest.param([EVERYTHING, DENY_WEB], "web", NO, "authorizationpolicy shop/deny-web rules[0]", id="deny goes first"),
    pytest.param([EVERYTHING, DENY_WEB], "other/pod/far", YES, "", id="deny is for those whom it names"),
    pytest.param([rule(action="DENY")], "web", YES, "", id="a DENY policy without rules"),
    pytest.param([policy("all", "shop")], "web", NO, "authorizationpolicy shop/all", id="for a whole namespace"),
    pytest.param([policy("all", "istio-system")], "web", NO, "authorizationpolicy istio-system/all", id="for the mesh"),
    pytest.param([policy("all", "other")], "web", YES, "", id="of another namespace"),
    pytest.param([rule(rules=[{"from": source(namespaces=["shop"])}])], "web", YES, "", id="by namespace"),
    pytest.param([rule(rules=[{"from": source(namespaces=["sh*"])}])], "other/pod/far", NO, "", id="by its beginning"),
    pytest.param([rule(rules=[{"from": source(notNamespaces=["shop"])}])], "web", NO, "", id="all but a namespace"),
    pytest.param([rule(rules=[{"from": source(ipBlocks=["10.0.0.3"])}])], "plain", YES, "", id="by address"),
    pytest.param([rule(rules=[{"to": operation(ports=["8080"])}])], "web", YES, "", id="by the port of the pod"),
    pytest.param([rule(rules=[{"to": operation(ports=["80"])}])], "web", NO, "", id="by another port"),
    pytest.param([rule(rules=[{"to": operation(paths=["/a*"])}])], "web", UNKNOWN, "", id="by path"),
    pytest.param(
        [rule(rules=[{"from": WEB_ACCOUNT, "to": operation(methods=["GET"])}])],
        "other/pod/far",
        NO,
        "",
        id="by method, but for others",
    ),
    pytest.param([rule(action="DENY", rules=[{"to": operation(paths=["/x"])}])], "web", UNKNOWN, "", id="denied paths"),
    pytest.param([rule(action="CUSTOM", rules=[{}])], "web", UNKNOWN, "", id="somebody else is asked"),
    pytest.param([rule(action="AUDIT", rules=[{}])], "web", YES, "", id="audit only"),
    pytest.param(
        [rule(rules=[{"when": [{"key": "request.headers[x]", "values": ["y"]}]}])], "web", UNKNOWN, "", id="by header"
    ),
    pytest.param(
        [rule(rules=[{"when": [{"key": "source.namespace", "values": ["shop"]}]}])], "web", YES, "", id="a condition"
    ),
    pytest.param(
        [rule(rules=[{"from": source(principals=["example.org/ns/shop/sa/web"])}])],
        "web",
        UNKNOWN,
        "",
        id="a trust domain that may be the mesh's",
    ),
    pytest.param(
        [policy("gate", "shop", targetRefs=[{"kind": "Gateway", "name": "g"}])], "web", YES, "", id="a gateway's"
    ),
]


@pytest.mark.parametrize(("policies", "caller", "reached", "by"), ISTIO)
def test_istio_denies_first_then_allows(policies, caller, reached, by):
    found = can_reach(caller, "pod/cart", istio(*policies), namespace="shop", port=8080)
    assert found.reached is reached
    (hop,) = [each for route in found.routes for each in route.hops if each.stage == "istio"]
    assert hop.rule == by or not by


def test_what_istio_lacks_is_offered_as_one_more_policy_and_opens_the_way():
    found = can_reach("other/pod/far", "pod/cart", istio(ONLY_WEB), namespace="shop", port=8080)
    (offered,) = found.remedy
    assert offered["spec"]["selector"] == {"matchLabels": {"app": "cart"}}
    assert can_reach("other/pod/far", "pod/cart", istio(ONLY_WEB, offered), namespace="shop", port=8080).reached is YES


@pytest.mark.parametrize(("policies", "caller"), [([EVERYTHING, DENY_WEB], "web"), ([ONLY_WEB], "plain")])
def test_what_no_addition_mends_is_said(policies, caller):
    found = can_reach(caller, "pod/cart", istio(*policies), namespace="shop", port=8080)
    assert (found.remedy, len(found.unmended)) == ((), 1)
    assert found.unmended[0].startswith("istio: authorizationpolicy shop/")


def tls(name, namespace, mode, **spec):
    return policy(name, namespace, mtls={"mode": mode}, **spec)


TLS = [
    pytest.param([tls("mesh", "istio-system", "STRICT")], NO, id="the mesh's"),
    pytest.param([tls("mesh", "istio-system", "STRICT"), tls("ns", "shop", "PERMISSIVE")], YES, id="the namespace's"),
    pytest.param(
        [tls("ns", "shop", "PERMISSIVE"), tls("own", "shop", "STRICT", **CART)], NO, id="the pod's own comes first"
    ),
    pytest.param([tls("ns", "shop", "STRICT"), tls("own", "shop", "UNSET", **CART)], NO, id="unset is the one above"),
    pytest.param(
        [tls("own", "shop", "STRICT", **CART, portLevelMtls={"8080": {"mode": "PERMISSIVE"}})], YES, id="the port's"
    ),
]


@pytest.mark.parametrize(("given", "reached"), TLS)
def test_mutual_tls_keeps_out_who_is_not_of_the_mesh(given, reached):
    seen = istio(tls=given)
    assert can_reach("plain", "pod/cart", seen, namespace="shop", port=8080).reached is reached
    assert can_reach("web", "pod/cart", seen, namespace="shop", port=8080).reached is YES


def test_without_a_proxy_a_policy_is_only_worth_a_warning():
    found = can_reach("web", "pod/plain", istio(policy("all", "shop")), namespace="shop", port=8080)
    assert found.reached is YES
    assert "no proxy of Istio runs there" in found.routes[0].hops[-2].detail


def test_pods_of_an_ambient_mesh_meet_in_the_tunnel_and_network_policies_see_that_alone():
    pods = [meshed(name, proxy="", ip=f"10.0.0.{n}") for n, name in enumerate(("cart", "web"), 1)]
    only = policy("only", "shop", podSelector={}, ingress=[{"ports": [{"port": 8080}]}])
    tunnel = policy("tunnel", "shop", podSelector={}, ingress=[{"ports": [{"port": 15008}]}])
    for policies, reached in (([only], NO), ([tunnel], YES)):
        seen = istio(pods=pods, namespaces={"shop": AMBIENT}, policies_=policies)
        found = can_reach("web", "pod/cart", seen, namespace="shop", port=8080)
        assert found.reached is reached
        for each in found.remedy:
            assert each["spec"]["ingress"][0]["ports"] == [{"protocol": "TCP", "port": 15008}]
    waypoint = istio(pods=pods, namespaces={"shop": AMBIENT | {"istio.io/use-waypoint": "w"}})
    assert can_reach("web", "pod/cart", waypoint, namespace="shop", port=8080).reached is UNKNOWN


def test_what_is_rendered_of_an_appservice_lets_its_callers_in_and_nobody_else():
    spec = {
        "image": "i",
        "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        "mesh": {"type": "istio"},
        "access": {"from": [{"app": "web"}]},
    }
    app = msgspec.convert({"metadata": {"name": "cart", "namespace": "shop"}, "spec": spec}, AppService)
    rendered = authorization(app)
    cart = meshed("cart", ip="10.0.0.1", labels=rendered["spec"]["selector"]["matchLabels"])
    pods = (cart, meshed("web", ip="10.0.0.2"), meshed("far", "other", ip="10.0.0.4"))
    seen = istio(rendered, pods=pods)
    assert can_reach("web", "pod/cart", seen, namespace="shop", port=8080).reached is YES
    assert can_reach("other/pod/far", "pod/cart", seen, namespace="shop", port=8080).reached is NO


SERVER = policy("http", "shop", podSelector={"matchLabels": {"app": "cart"}}, port="http")
IDENTITY = "web.shop.serviceaccount.identity.linkerd.cluster.local"


def authorized(*refs, kind="Server", name="http"):
    target = {"group": "policy.linkerd.io", "kind": kind, "name": name}
    listed = [{"kind": kind, "name": name} for kind, name in refs]
    return policy("auth", "shop", targetRef=target, requiredAuthenticationRefs=listed)


def tls_for(*identities):
    return policy("tls", "shop", identities=list(identities))


def linkerd(caller, annotations=None, **given):
    kinds = {
        "servers": Server,
        "authorizations": LinkerdAuthorization,
        "old_authorizations": ServerAuthorization,
        "mesh_tls": MeshTlsAuthentication,
        "networks": NetworkAuthentication,
    }
    cart = meshed("cart", proxy="linkerd-proxy", ip="10.0.0.1", labels={"app": "cart"})
    cart["metadata"]["annotations"] = annotations or {}
    pods = (
        cart,
        meshed("web", proxy="linkerd-proxy", ip="10.0.0.2"),
        meshed("api", proxy="linkerd-proxy", ip="10.0.0.4"),
        meshed("plain", proxy="", ip="10.0.0.3"),
    )
    seen = world(pods, linkerd=Linkerd(**{name: typed(kinds[name], each) for name, each in given.items()}))
    return can_reach(caller, "pod/cart", seen, namespace="shop", port=8080)


MESH_TLS = ("MeshTLSAuthentication", "tls")
NETWORK = ("NetworkAuthentication", "net")
OLD = {"server": {"name": "http"}}
LINKERD = [
    pytest.param({}, "plain", YES, id="nothing said"),
    pytest.param({"servers": [SERVER]}, "web", NO, id="a server is closed"),
    pytest.param(
        {"servers": [SERVER], "authorizations": [authorized(MESH_TLS)], "mesh_tls": [tls_for(IDENTITY)]},
        "web",
        YES,
        id="an identity",
    ),
    pytest.param(
        {"servers": [SERVER], "authorizations": [authorized(MESH_TLS)], "mesh_tls": [tls_for(IDENTITY)]},
        "api",
        NO,
        id="another identity",
    ),
    pytest.param(
        {"servers": [SERVER], "authorizations": [authorized(MESH_TLS)], "mesh_tls": [tls_for("*")]},
        "plain",
        NO,
        id="whoever has an identity",
    ),
    pytest.param(
        {"servers": [SERVER], "authorizations": [authorized(("ServiceAccount", "web"))]}, "web", YES, id="an account"
    ),
    pytest.param(
        {
            "servers": [SERVER],
            "authorizations": [authorized(NETWORK, kind="Namespace", name="shop")],
            "networks": [policy("net", "shop", networks=[{"cidr": "10.0.0.0/30"}])],
        },
        "plain",
        YES,
        id="a range of addresses, for a namespace",
    ),
    pytest.param(
        {
            "servers": [SERVER],
            "authorizations": [authorized(NETWORK, MESH_TLS)],
            "networks": [policy("net", "shop", networks=[{"cidr": "10.0.0.0/30"}])],
            "mesh_tls": [tls_for("*")],
        },
        "plain",
        NO,
        id="every authentication is required",
    ),
    pytest.param(
        {"servers": [SERVER], "authorizations": [authorized(kind="HTTPRoute", name="r")]}, "web", UNKNOWN, id="a route"
    ),
    pytest.param(
        {"servers": [SERVER], "old_authorizations": [policy("o", "shop", client={"unauthenticated": True}, **OLD)]},
        "plain",
        YES,
        id="the older form: anybody",
    ),
    pytest.param(
        {
            "servers": [SERVER],
            "old_authorizations": [
                policy("o", "shop", client={"meshTLS": {"serviceAccounts": [{"name": "web"}]}}, **OLD)
            ],
        },
        "api",
        NO,
        id="the older form: an account",
    ),
    pytest.param(
        {"servers": [policy("http", "shop", **SERVER["spec"], accessPolicy="all-authenticated")]},
        "web",
        YES,
        id="a server's own policy",
    ),
    pytest.param(
        {"annotations": {"config.linkerd.io/default-inbound-policy": "deny"}}, "web", NO, id="a pod's default"
    ),
    pytest.param(
        {"servers": [SERVER], "annotations": {"config.linkerd.io/skip-inbound-ports": "4222,8000-8099"}},
        "plain",
        YES,
        id="a port past the proxy",
    ),
]


@pytest.mark.parametrize(("given", "caller", "reached"), LINKERD)
def test_linkerd_opens_a_port_with_a_server_to_the_authorised_alone(given, caller, reached):
    assert linkerd(caller, **given).reached is reached
