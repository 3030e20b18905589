"""Who may do what: roles and bindings, impersonation, tokens, certificates and the reviews."""

import json
import os
import re
from dataclasses import dataclass, replace

import pytest

from kubewright.client.config import Impersonation, Token
from kubewright.client.http import HttpTransport
from kubewright.client.kubeconfig import load
from tests.contract.asking import APPLY, Api, Refusal, eventually

RBAC = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS = "/apis/authorization.k8s.io/v1"
DEFAULT = "/api/v1/namespaces/default"
GROUP = "rbac.authorization.k8s.io"
MISSING = 'pods is forbidden: User "{}" cannot list resource "pods" in API group "" in the namespace "{}"'


@dataclass
class People:
    """Asks as others than the administrator."""

    path: str
    opened: list

    def context(self, name: str) -> Api:
        return self._api(load(self.path, context=name))

    def acting(self, user: str, *groups: str, of: str = "", uid: str = "", extra: dict | None = None) -> Api:
        config = load(self.path, context="powerless" if of else "")
        if of:
            config = replace(config, auth=Token(of))
        return self._api(replace(config, impersonation=Impersonation(user, uid, groups, extra or {})))

    def bearing(self, token: str) -> Api:
        return self._api(replace(load(self.path, context="powerless"), auth=Token(token)))

    def _api(self, config) -> Api:
        transport = HttpTransport(config)
        self.opened.append(transport)
        return Api(transport)


@pytest.fixture
async def people(cluster):
    people = People(str(cluster.kubeconfig), [])
    yield people
    for transport in people.opened:
        await transport.close()


@pytest.fixture
async def grant(api, namespace):
    """Give rules in the case's namespace to a user."""

    async def grant(user, *rules, name="role"):
        role = {"metadata": {"name": name}, "rules": list(rules)}
        (await api.of("roles", namespace).create(role)).ok()
        (await api.of("rolebindings", namespace).create(binding(name, "Role", name, user))).ok()

        async def known():
            wanted = rules[0]
            asked = {"verb": wanted["verbs"][0], "group": wanted["apiGroups"][0], "resource": wanted["resources"][0]}
            asked = {**asked, "namespace": namespace, "name": (wanted.get("resourceNames") or [""])[0]}
            return (await review(api, {"user": user, "resourceAttributes": asked}))["allowed"]

        await eventually(known)

    return grant


def rule(verbs, resources, group="", **others):
    return {"verbs": verbs.split(), "apiGroups": [group], "resources": resources.split(), **others}


def binding(name, kind, role, *users):
    subjects = [{"kind": "User", "name": user, "apiGroup": GROUP} for user in users]
    return {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": role},
        "subjects": subjects,
    }


async def review(api, spec, kind="SubjectAccessReview", path=""):
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
    return (await api.ask("POST", path or f"{REVIEWS}/{kind.lower()}s", body)).ok()["status"]


async def whoami(api):
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    return (await api.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body)).ok()["status"]["userInfo"]


@pytest.mark.parametrize(
    ("method", "path", "what", "cannot"),
    [
        ("GET", "/api/v1/nodes", "nodes", 'list resource "nodes" in API group "" at the cluster scope'),
        ("GET", f"{DEFAULT}/pods/x", 'pods "x"', 'get resource "pods" in API group "" in the namespace "default"'),
        (
            "GET",
            DEFAULT,
            'namespaces "default"',
            'get resource "namespaces" in API group "" in the namespace "default"',
        ),
        (
            "DELETE",
            "/apis/apps/v1/namespaces/default/deployments",
            "deployments.apps",
            'deletecollection resource "deployments" in API group "apps" in the namespace "default"',
        ),
        (
            "GET",
            "/apis/apps/v1/namespaces/default/deployments/x/scale",
            'deployments.apps "x"',
            'get resource "deployments/scale" in API group "apps" in the namespace "default"',
        ),
        (
            "GET",
            "/apis/nosuch.example.com/v1/things",
            "things.nosuch.example.com",
            'list resource "things" in API group "nosuch.example.com" at the cluster scope',
        ),
    ],
    ids=["cluster", "object", "namespace", "collection", "subresource", "unknown"],
)
async def test_whoever_has_no_right_is_told_which(people, method, path, what, cannot):
    answer = await people.context("powerless").ask(method, path)
    assert answer.refused == Refusal(403, "Forbidden", f'{what} is forbidden: User "powerless" cannot {cannot}')


async def test_a_path_that_is_no_resource_takes_a_right_too(people):
    answer = await people.context("powerless").get("/metrics")
    assert answer.refused == Refusal(403, "Forbidden", 'forbidden: User "powerless" cannot get path "/metrics"')


async def test_a_certificate_names_a_user_and_groups(people):
    assert (await whoami(people.context("certificate"))) == {
        "username": "certificate-admin",
        "groups": ["system:masters", "system:authenticated"],
        **credential(await whoami(people.context("certificate"))),
    }


def credential(user):
    return {"extra": user["extra"]} if "extra" in user else {}


async def test_everybody_may_discover_and_ask_about_themselves(people):
    api = people.context("powerless")
    for path in ("/api", "/apis", "/version", "/apis/apps/v1", "/openapi/v3", "/healthz"):
        assert (await api.get(path)).status == 200, path
    assert (await whoami(api))["username"] == "powerless"


@pytest.mark.parametrize(
    ("path", "status"), [("/version", 200), ("/readyz", 200), ("/api", 403), ("/api/v1/pods", 403)]
)
async def test_nobody_in_particular_sees_health_and_version(people, path, status):
    config = load(people.path, context="powerless")
    transport = HttpTransport(replace(config, auth=type(load(people.path, context="certificate").auth)()))
    people.opened.append(transport)
    answer = await Api(transport).get(path)
    assert answer.status == status
    if status == 403:
        assert 'User "system:anonymous" cannot' in answer.refused.message


async def test_an_unknown_token_is_unauthorized(cluster):
    done = cluster.kubectl("--token=nobodys", "--context=powerless", "get", "pods", check=False)
    assert "You must be logged in to the server" in done.stderr


async def test_a_role_allows_its_verbs_in_its_namespace(people, grant, namespace):
    await grant("contract-anna", rule("list get", "pods"))
    anna = people.acting("contract-anna")
    assert (await anna.of("pods", namespace).list()).status == 200
    assert (await anna.of("pods", namespace).delete("x")).status == 403
    assert (await anna.of("pods").list()).status == 403
    assert (await anna.of("services", namespace).list()).status == 403


async def test_resource_names_limit_a_rule(people, grant, namespace):
    await grant("contract-names", rule("get update", "configmaps", resourceNames=["mine"]))
    maps = people.acting("contract-names").of("configmaps", namespace)
    assert (await maps.get("mine")).status == 404
    assert (await maps.get("other")).status == 403
    assert (await maps.list()).status == 403


async def test_applying_what_is_not_there_takes_the_right_to_create(people, grant, namespace):
    await grant("contract-apply", rule("patch", "configmaps"))
    maps = people.acting("contract-apply").of("configmaps", namespace)
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}}
    answer = await maps.patch("m", APPLY, body, fieldManager="me")
    assert answer.refused.message == (
        'configmaps "m" is forbidden: User "contract-apply" cannot create resource "configmaps" in API group "" '
        f'in the namespace "{namespace}"'
    )


async def test_who_may_make_roles_gives_no_more_than_they_hold(people, grant, namespace):
    await grant("contract-maker", rule("create update", "roles rolebindings", GROUP), rule("get list", "pods"))
    maker = people.acting("contract-maker")
    roles, bindings = maker.of("roles", namespace), maker.of("rolebindings", namespace)
    assert (await roles.create({"metadata": {"name": "less"}, "rules": [rule("get", "pods")]})).status == 201
    refused = (
        await roles.create({"metadata": {"name": "more"}, "rules": [rule("get delete", "pods secrets")]})
    ).refused
    assert refused == Refusal(
        403,
        "Forbidden",
        'roles.rbac.authorization.k8s.io "more" is forbidden: user "contract-maker" (groups=["system:authenticated"]) '
        "is attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}\n'
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete"]}',
    )
    assert (await bindings.create(binding("all", "ClusterRole", "cluster-admin", "x"))).refused.message.endswith(
        '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}\n{NonResourceURLs:["*"], Verbs:["*"]}'
    )
    assert (await bindings.create(binding("gone", "Role", "nosuch", "x"))).refused.code == 404


async def test_bind_and_escalate_make_exceptions(people, grant, namespace):
    await grant(
        "contract-binder",
        rule("create", "rolebindings roles", GROUP),
        rule("bind", "clusterroles", GROUP, resourceNames=["view"]),
        rule("escalate", "roles", GROUP),
    )
    binder = people.acting("contract-binder")
    assert (await binder.of("rolebindings", namespace).create(binding("v", "ClusterRole", "view", "x"))).status == 201
    assert (await binder.of("rolebindings", namespace).create(binding("e", "ClusterRole", "edit", "x"))).status == 403
    role = {"metadata": {"name": "wide"}, "rules": [rule("*", "*", "*")]}
    assert (await binder.of("roles", namespace).create(role)).status == 201


async def test_escalate_by_name_holds_for_a_role_that_is_applied_and_not_for_one_that_is_posted(
    people, grant, namespace
):
    await grant(
        "contract-applier",
        rule("create patch get", "roles", GROUP),
        rule("escalate", "roles", GROUP, resourceNames=["wide"]),
    )
    roles = people.acting("contract-applier").of("roles", namespace)
    head = {"apiVersion": f"{GROUP}/v1", "kind": "Role"}

    def role(name):
        return {**head, "metadata": {"name": name}, "rules": [rule("delete", "secrets")]}

    assert (await roles.create(role("wide"))).status == 403
    assert (await roles.apply(role("other"), "one")).status == 403
    assert (await roles.apply(role("wide"), "one")).status == 201


async def test_a_bindings_role_never_changes(api, namespace):
    bindings = api.of("rolebindings", namespace)
    (await bindings.create(binding("b", "ClusterRole", "view", "x"))).ok()
    assert (await bindings.update(binding("b", "ClusterRole", "edit", "x"))).refused.message.endswith(
        "field is immutable"
    )


async def test_a_cluster_role_collects_others(api, namespace):
    label = {f"{namespace}.example.com/collect": "true"}
    roles = f"{RBAC}/clusterroles"
    collecting = {
        "metadata": {"name": f"{namespace}-all"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": label}]},
    }
    part = {"metadata": {"name": f"{namespace}-part", "labels": label}, "rules": [rule("get", "pods")]}
    try:
        (await api.ask("POST", roles, collecting)).ok()
        (await api.ask("POST", roles, part)).ok()

        async def collected():
            return (await api.get(f"{roles}/{namespace}-all")).ok().get("rules") == [rule("get", "pods")]

        await eventually(collected)
    finally:
        for name in ("all", "part"):
            await api.ask("DELETE", f"{roles}/{namespace}-{name}")


@pytest.mark.parametrize(
    "name",
    ["cluster-admin", "admin", "edit", "view", "system:basic-user", "system:discovery", "system:public-info-viewer"],
)
async def test_the_roles_of_the_start_are_there(api, name):
    role = (await api.get(f"{RBAC}/clusterroles/{name}")).ok()
    assert role["metadata"]["labels"]["kubernetes.io/bootstrapping"] == "rbac-defaults"
    assert role["rules"]


@pytest.fixture
async def actor(api, namespace):
    """Give the token of an account nobody has seen act: an API server remembers by which way one was last allowed."""
    (await api.of("serviceaccounts", namespace).create({"metadata": {"name": "actor"}})).ok()
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = await api.ask("POST", api.of("serviceaccounts", namespace).at("actor", "token"), request)
    return answer.ok()["status"]["token"]


async def test_acting_as_another_takes_a_right(people, actor, namespace):
    modes = {"bob": "user-info", "system:serviceaccount:a:b": "serviceaccount", "system:node:n": "arbitrary-node"}
    for user, mode in modes.items():
        answer = await people.acting(user, of=actor).of("pods", namespace).list()
        assert answer.refused.message == MISSING.format(f"system:serviceaccount:{namespace}:actor", namespace).replace(
            "cannot list", f"cannot impersonate-on:{mode}:list"
        )


async def test_a_narrow_right_to_act_as_another(people, actor, grant, api, namespace):
    await grant("contract-bob", rule("list", "pods"), name="bob")
    name = f"{namespace}-actor"
    role = {"metadata": {"name": name}, "rules": [rule("impersonate", "users", resourceNames=["contract-bob"])]}
    try:
        (await api.ask("POST", f"{RBAC}/clusterroles", role)).ok()
        (
            await api.ask(
                "POST",
                f"{RBAC}/clusterrolebindings",
                binding(name, "ClusterRole", name, f"system:serviceaccount:{namespace}:actor"),
            )
        ).ok()

        async def allowed():
            answer = await people.acting("contract-bob", of=actor).of("pods", namespace).list()
            return answer.status == 200

        await eventually(allowed)
        assert (await people.acting("contract-ann", of=actor).of("pods", namespace).list()).status == 403
        assert (await people.acting("contract-bob", "g", of=actor).of("pods", namespace).list()).status == 403
    finally:
        for plural in ("clusterrolebindings", "clusterroles"):
            await api.ask("DELETE", f"{RBAC}/{plural}/{name}")


async def test_whom_an_impersonator_becomes(people):
    user = await whoami(people.acting("contract-x", "g", uid="42", extra={"scopes": ("a",)}))
    groups = ["g", "system:authenticated"]
    assert user == {"username": "contract-x", "uid": "42", "groups": groups, "extra": {"scopes": ["a"]}}
    account = await whoami(people.acting("system:serviceaccount:a:b"))
    assert account["groups"] == ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"]


async def test_a_service_account_is_known_by_its_token(people, api, namespace):
    accounts = api.of("serviceaccounts", namespace)
    (await accounts.create({"metadata": {"name": "robot"}})).ok()
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    issued = (await api.ask("POST", accounts.at("robot", "token"), request)).ok()["status"]["token"]
    user = await whoami(people.bearing(issued))
    assert user["username"] == f"system:serviceaccount:{namespace}:robot"
    assert list(user["extra"]) == ["authentication.kubernetes.io/credential-id"]
    unused = (await api.ask("POST", accounts.at("robot", "token"), request)).ok()["status"]["token"]
    (await accounts.delete("robot")).ok()

    async def ended():
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": unused}}
        status = (await api.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body)).ok()["status"]
        # A real server may not have heard of the deletion yet.
        return status.get("error") == '[invalid bearer token, serviceaccounts "robot" not found]'

    await eventually(ended)


async def test_a_token_for_another_audience(api, namespace):
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": ["a"]}}
    path = api.of("serviceaccounts", namespace).at("default", "token")
    token = (await api.ask("POST", path, request)).ok()["status"]["token"]

    async def reviewed(*audiences):
        spec = {"token": token, **({"audiences": list(audiences)} if audiences else {})}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        return (await api.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body)).ok()["status"]

    assert (await reviewed("a", "b"))["audiences"] == ["a"]
    assert 'token audiences ["a"] is invalid for the target audiences' in (await reviewed())["error"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (5, "may not specify a duration less than 10 minutes"),
        (1 << 33, "may not specify a duration larger than 2^32 seconds"),
    ],
)
async def test_how_long_a_token_may_last(api, namespace, seconds, text):
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": seconds}}
    answer = await api.ask("POST", api.of("serviceaccounts", namespace).at("default", "token"), request)
    assert answer.refused.message == (
        f'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: {seconds}: {text}'
    )


async def test_a_review_says_why(api, grant, namespace):
    await grant("contract-why", rule("list", "pods"))
    asked = {"verb": "list", "resource": "pods", "namespace": namespace}
    answer = await review(api, {"user": "contract-why", "resourceAttributes": asked})
    reason = f'RBAC: allowed by RoleBinding "role/{namespace}" of Role "role" to User "contract-why"'
    assert answer == {"allowed": True, "reason": reason}
    refused = {"user": "contract-why", "resourceAttributes": {**asked, "verb": "get"}}
    assert await review(api, refused) == {"allowed": False}
    path = f"{REVIEWS}/namespaces/{namespace}/localsubjectaccessreviews"
    local = await review(api, {"user": "contract-why", "resourceAttributes": asked}, "LocalSubjectAccessReview", path)
    assert local["allowed"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"user": "x"},
            "spec: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified",
        ),
        (
            {"resourceAttributes": {"verb": "get"}},
            'spec.user: Invalid value: "": at least one of user or group must be specified',
        ),
    ],
)
async def test_a_review_must_ask_something(api, spec, message):
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    answer = await api.ask("POST", f"{REVIEWS}/subjectaccessreviews", body)
    assert answer.refused.message == f'.authorization.k8s.io "" is invalid: {message}'


async def test_ones_own_rules(people, grant, namespace):
    await grant("contract-own", rule("list", "pods"))
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}
    answer = await people.acting("contract-own").ask("POST", f"{REVIEWS}/selfsubjectrulesreviews", body)
    status = answer.ok()["status"]
    assert rule("list", "pods") in status["resourceRules"]
    assert rule("create", "selfsubjectreviews", "authentication.k8s.io") in status["resourceRules"]
    assert not status["incomplete"]


async def test_kubectl_asks_who_may(cluster, grant, namespace):
    await grant("contract-kubectl", rule("list", "pods"))
    acting = ("-n", namespace, "--as=contract-kubectl")
    assert cluster.kubectl(*acting, "auth", "can-i", "list", "pods").stdout.strip() == "yes"
    assert cluster.kubectl(*acting, "auth", "can-i", "delete", "pods", check=False).stdout.strip() == "no"
    listed = cluster.kubectl(*acting, "auth", "can-i", "--list").stdout
    assert re.search(r"(?m)^pods +\[\] +\[\] +\[list\]$", listed)
    who = json.loads(cluster.kubectl(*acting, "auth", "whoami", "-o", "json").stdout)
    assert who["status"]["userInfo"]["username"] == "contract-kubectl"
    token = cluster.kubectl("-n", namespace, "create", "token", "default").stdout.strip()
    assert len(token.split(".")) == 3
    refused = cluster.kubectl(*acting, "get", "services", check=False).stderr
    assert 'User "contract-kubectl" cannot list resource "services"' in refused
    assert os.linesep not in token
