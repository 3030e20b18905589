"""Rules, policy and impersonation as tables; credentials."""

from __future__ import annotations

import random

import pytest

from kubewright.api.meta import ObjectKey
from kubewright.clock import Clock
from kubewright.errors import OpError
from kubewright.store.versioned import VersionedStore
from kubewright.twin.access.attributes import Attributes, requested
from kubewright.twin.access.authorizer import Authorizer
from kubewright.twin.access.credentials import ISSUER, Credentials, read_token_file
from kubewright.twin.access.impersonation import impersonated
from kubewright.twin.access.policy import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES, Policy
from kubewright.twin.access.rules import Rule, compacted, missing
from kubewright.twin.access.users import ADMIN, User, account_of, account_user
from kubewright.twin.status import StatusError

ANNA = User("anna", "", ("staff", "system:authenticated"))


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        pytest.param("GET", "/api/v1/pods", {}, ("list", "", "pods", "", "", ""), id="all pods"),
        pytest.param("GET", "/api/v1/pods", {"watch": "1"}, ("watch", "", "pods", "", "", ""), id="a watch"),
        pytest.param(
            "GET",
            "/api/v1/nodes",
            {"fieldSelector": "metadata.name=a"},
            ("list", "", "nodes", "", "", "a"),
            id="a list of one name is of that name",
        ),
        pytest.param(
            "DELETE",
            "/apis/apps/v1/namespaces/n/deployments",
            {},
            ("deletecollection", "apps", "deployments", "", "n", ""),
            id="a collection",
        ),
        pytest.param(
            "PATCH",
            "/apis/apps/v1/namespaces/n/deployments/d/scale",
            {},
            ("patch", "apps", "deployments", "scale", "n", "d"),
            id="a subresource",
        ),
        pytest.param("GET", "/api/v1/namespaces/n", {}, ("get", "", "namespaces", "", "n", "n"), id="a namespace"),
        pytest.param(
            "PUT",
            "/api/v1/namespaces/n/finalize",
            {},
            ("update", "", "namespaces", "finalize", "n", "n"),
            id="a namespace's subresource",
        ),
    ],
)
def test_what_a_request_wants(method, path, query, expected):
    wanted = requested(ANNA, method, path, query)
    assert (
        wanted.verb,
        wanted.group,
        wanted.resource,
        wanted.subresource,
        wanted.namespace,
        wanted.name,
    ) == expected


PODS = Rule(("get", "list"), ("",), ("pods",))


@pytest.mark.parametrize(
    ("rule", "wanted", "allowed"),
    [
        pytest.param(PODS, ("get", "", "pods"), True, id="what it names"),
        pytest.param(PODS, ("delete", "", "pods"), False, id="another verb"),
        pytest.param(PODS, ("get", "apps", "pods"), False, id="another group"),
        pytest.param(PODS, ("get", "", "pods", "log"), False, id="a subresource is another resource"),
        pytest.param(Rule(("*",), ("*",), ("*",)), ("get", "", "pods", "log"), True, id="everything"),
        pytest.param(Rule(("get",), ("",), ("*/log",)), ("get", "", "pods", "log"), True, id="any resource's log"),
        pytest.param(Rule(("get",), ("",), ("*/log",)), ("get", "", "pods"), False, id="but only the log"),
        pytest.param(Rule(("get",), ("",), ("pods",), ("a",)), ("get", "", "pods", "", "n", "b"), False, id="a name"),
        pytest.param(Rule(("get",), ("",), ("pods",), ("a",)), ("get", "", "pods", "", "n", "a"), True, id="that name"),
    ],
)
def test_what_a_rule_allows(rule, wanted, allowed):
    assert rule.allows(Attributes(ANNA, *wanted)) is allowed


@pytest.mark.parametrize(
    ("url", "path", "allowed"),
    [
        pytest.param("/api", "/api", True, id="the path"),
        pytest.param("/api", "/api/v1", False, id="not what is below"),
        pytest.param("/api/*", "/api/v1", True, id="unless it says so"),
        pytest.param("*", "/metrics", True, id="any path"),
    ],
)
def test_paths(url, path, allowed):
    assert Rule(("get",), urls=(url,)).allows(Attributes(ANNA, "get", path=path)) is allowed


def test_what_is_missing_is_told_by_resource():
    lacking = missing([PODS], [Rule(("get", "delete"), ("",), ("pods", "secrets"))])
    assert [rule.compact() for rule in compacted(lacking)] == [
        '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}',
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete"]}',
    ]


def _store() -> VersionedStore:
    store = VersionedStore()
    rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
    store.create(CLUSTER_ROLES, ObjectKey("", "reader"), {"rules": [rule]})
    store.create(ROLES, ObjectKey("n", "local"), {"rules": [{**rule, "verbs": ["delete"]}]})
    return store


def _binding(kind: str, role: str, *subjects: dict[str, str]) -> dict[str, object]:
    return {"roleRef": {"kind": kind, "name": role}, "subjects": list(subjects)}


def test_the_policy_follows_the_store():
    store = _store()
    policy = Policy()
    policy.follow(store)
    authorizer = Authorizer(policy)
    get, delete = Attributes(ANNA, "get", "", "pods", "", "n"), Attributes(ANNA, "delete", "", "pods", "", "n")
    assert not authorizer.allows(get)
    key = ObjectKey("", "b")
    store.create(CLUSTER_ROLE_BINDINGS, key, _binding("ClusterRole", "reader", {"kind": "Group", "name": "staff"}))
    assert authorizer.decide(get).reason == (
        'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "reader" to Group "staff"'
    )
    store.create(ROLE_BINDINGS, ObjectKey("n", "c"), _binding("Role", "local", {"kind": "User", "name": "anna"}))
    assert authorizer.allows(delete)
    assert not authorizer.allows(Attributes(ANNA, "delete", "", "pods", "", "other"))
    store.delete(ROLES, ObjectKey("n", "local"))
    assert authorizer.decide(delete).reason == 'rbac: RBAC: role.rbac.authorization.k8s.io "local" not found'
    store.update(CLUSTER_ROLE_BINDINGS, key, _binding("ClusterRole", "reader", {"kind": "User", "name": "bob"}))
    assert not authorizer.allows(get)
    assert authorizer.allows(Attributes(ADMIN, "delete", "", "nodes"))


@pytest.mark.parametrize(
    ("verbs", "headers", "groups"),
    [
        pytest.param(["impersonate"], {}, ("system:authenticated",), id="a user by the old verb"),
        pytest.param(
            ["impersonate"], {"impersonate-group": "a\nb"}, ("a", "b", "system:authenticated"), id="with groups"
        ),
        pytest.param(["get"], {}, None, id="not without a right"),
    ],
)
def test_impersonation(verbs, headers, groups):
    store = VersionedStore()
    rule = {"verbs": verbs, "apiGroups": [""], "resources": ["users", "groups"]}
    store.create(CLUSTER_ROLES, ObjectKey("", "r"), {"rules": [rule]})
    store.create(
        CLUSTER_ROLE_BINDINGS, ObjectKey("", "b"), _binding("ClusterRole", "r", {"kind": "User", "name": "anna"})
    )
    policy = Policy()
    policy.follow(store)
    wanted = Attributes(ANNA, "list", "", "nodes")
    named = {"impersonate-user": "bob", **headers}
    if groups is None:
        with pytest.raises(StatusError, match="cannot impersonate-on:user-info:list resource"):
            impersonated(wanted, named, Authorizer(policy))
    else:
        assert impersonated(wanted, named, Authorizer(policy)) == User("bob", "", groups)


async def test_a_token_ends_with_its_account():
    store = VersionedStore()
    bucket, key = ("", "serviceaccounts"), ObjectKey("n", "robot")
    store.create(bucket, key, {"metadata": {"uid": "u1"}})
    credentials = Credentials(Clock.wall(), store, random.Random(0))
    token = credentials.issue(key, "u1", [ISSUER], Clock.wall().now() + 600)
    user = credentials.user_of(token)
    assert user is not None
    assert (user.name, user.uid) == ("system:serviceaccount:n:robot", "u1")
    assert credentials.user_of(token[:-4] + "AAAA") is None
    assert credentials.user_of("a.b.c") is None
    assert "is invalid for the target audiences" in credentials.review(token, ["other"]).problem
    store.delete(bucket, key)
    assert credentials.user_of(token) is None
    store.create(bucket, key, {"metadata": {"uid": "u2"}})
    assert credentials.user_of(token) is None, "a namesake is another account"


def test_a_token_file_is_read_as_kube_apiserver_reads_it():
    users = read_token_file('t1,anna,7,"staff,ops"\n\nt2,bob,8\n', "F")
    assert users == {
        "t1": User("anna", "7", ("staff", "ops", "system:authenticated")),
        "t2": User("bob", "8", ("system:authenticated",)),
    }
    with pytest.raises(OpError, match="line 1: a token"):
        read_token_file("t1,anna\n", "F")


def test_account_names():
    key = ObjectKey("n", "robot")
    assert account_of(account_user(key).name) == key
    assert account_of("system:serviceaccount:n") is None
