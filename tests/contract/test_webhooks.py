"""Admission webhooks: what they are asked, what they may change, and what becomes of a request when they fail."""

import socket

import pytest
from aiohttp import web

from tests.contract.asking import APPLY, Refusal, eventually, version_of
from tests.contract.manifests import config_map as bare_config_map
from tests.contract.manifests import deployment, pod
from tests.contract.webhook_server import ALLOWED, patched, serving

ROOT = "/apis/admissionregistration.k8s.io/v1"
PROBE = "probe"


def config_map(name):
    return bare_config_map(name, {"k": "1"})


@pytest.fixture
async def server(tmp_path):
    async with serving(tmp_path) as server:
        yield server


def rule(resources="configmaps", operations=("CREATE",), groups=("",), versions=("v1",), **more):
    named = resources.split()
    return {
        "operations": list(operations),
        "apiGroups": list(groups),
        "apiVersions": list(versions),
        "resources": named,
        **more,
    }


def webhook(client, *rules, name="hook.example.com", **more):
    return {
        "name": name,
        "clientConfig": client,
        "rules": list(rules) or [rule()],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **more,
    }


def configuration(kind, name, *webhooks):
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": list(webhooks),
    }


@pytest.fixture
async def configured(api, namespace, server):
    """Make a configuration for the case's namespace, and return when the server heeds it."""
    made = []

    async def configured(kind, *webhooks, probing=True):
        collection = api.of(f"{kind.lower()}webhookconfigurations", root=ROOT)
        own = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
        # The probe matches nothing but its own object, and comes last.
        server.handlers["/probe"] = lambda _: ALLOWED
        condition = {"name": "probe", "expression": f"object.metadata.name == '{PROBE}'"}
        last = webhook(server.client("/probe"), rule(), name="probe.example.com", matchConditions=[condition])
        name = f"{namespace}-{kind.lower()}-{len(made)}"
        hooks = [{**own, **each} for each in (*webhooks, last)]
        answer = (await collection.create(configuration(kind, name, *hooks))).ok()
        made.append((collection, name))

        async def heeded():
            await api.of("configmaps", namespace).create(config_map(PROBE), dryRun="All")
            return server.asked("/probe")

        await eventually(heeded)
        server.received.clear()
        return answer

    yield configured
    for collection, name in made:
        await collection.delete(name)


def skipping_probe(handler):
    """Answer the probe of the fixture without a word."""
    return lambda request: ALLOWED if request["name"] == PROBE else handler(request)


async def test_a_validating_webhook_is_shown_the_whole_request(api, namespace, server, configured):
    server.handlers["/v"] = lambda _: ALLOWED
    await configured("Validating", webhook(server.client("/v"), rule(operations=["*"])))
    maps = api.of("configmaps", namespace)
    made = (await maps.create(config_map("a"), fieldManager="m", fieldValidation="Strict")).ok()
    await until_cached(maps, made)
    await until_cached(maps, (await maps.merge("a", {"data": {"k": "2"}})).ok())
    (await maps.delete("a", {"gracePeriodSeconds": 5})).ok()
    created, updated, deleted = [each for each in server.asked("/v") if each["name"] == "a"]
    kind = {"group": "", "version": "v1", "kind": "ConfigMap"}
    resource = {"group": "", "version": "v1", "resource": "configmaps"}
    user = created.pop("userInfo")
    assert user["username"]
    assert "system:masters" in user["groups"]
    uid = created.pop("uid")
    assert len({uid, updated["uid"], deleted["uid"]}) == 3
    shown = created.pop("object")
    assert shown["metadata"]["uid"] == made["metadata"]["uid"]
    assert (shown["kind"], shown["apiVersion"], shown["data"]) == ("ConfigMap", "v1", made["data"])
    assert "resourceVersion" not in shown["metadata"]
    assert created == {
        "kind": kind,
        "resource": resource,
        "requestKind": kind,
        "requestResource": resource,
        "name": "a",
        "namespace": namespace,
        "operation": "CREATE",
        "oldObject": None,
        "dryRun": False,
        "options": {
            "kind": "CreateOptions",
            "apiVersion": "meta.k8s.io/v1",
            "fieldManager": "m",
            "fieldValidation": "Strict",
        },
    }
    assert updated["operation"] == "UPDATE"
    assert updated["object"]["data"] == {"k": "2"}
    assert updated["oldObject"]["data"] == made["data"]
    assert updated["options"]["kind"] == "UpdateOptions"
    assert (deleted["operation"], deleted["object"]) == ("DELETE", None)
    assert deleted["oldObject"]["metadata"]["uid"] == made["metadata"]["uid"]
    assert deleted["options"]["kind"] == "DeleteOptions"
    assert deleted["options"]["gracePeriodSeconds"] == 5


async def test_a_mutating_webhook_sees_an_object_that_is_not_there_yet(api, namespace, server, configured):
    server.handlers["/m"] = lambda _: ALLOWED
    await configured("Mutating", webhook(server.client("/m"), rule("pods services")))
    (await api.of("pods", namespace).create({**pod(""), "metadata": {"generateName": "p-"}}, dryRun="All")).ok()
    service = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    (await api.of("services", namespace).create(service, dryRun="All")).ok()
    first, second = server.asked("/m")
    assert "name" not in first
    assert "uid" not in first["object"]["metadata"]
    assert not first["object"]["metadata"].get("creationTimestamp")
    assert first["object"]["metadata"]["generateName"] == "p-"
    assert first["object"]["spec"]["tolerations"]
    assert first["object"]["spec"]["serviceAccountName"] == "default"
    assert first["dryRun"] is True
    assert "clusterIP" not in second["object"]["spec"]


async def test_a_mutating_webhook_changes_what_is_stored_and_the_change_is_defaulted(
    api, namespace, server, configured
):
    side = {"name": "side", "image": "side:1"}
    server.handlers["/m"] = lambda _: patched({"op": "add", "path": "/spec/containers/-", "value": side})
    await configured("Mutating", webhook(server.client("/m"), rule("pods")))
    made = (await api.of("pods", namespace).create(pod("p"))).ok()
    main, added = made["spec"]["containers"]
    assert added["name"] == "side"
    assert added["imagePullPolicy"] == "IfNotPresent"
    assert main["name"] != "side"


async def test_patches_are_seen_by_later_webhooks_and_by_validation(api, namespace, server, configured):
    server.handlers["/m1"] = lambda _: patched({"op": "add", "path": "/data/one", "value": "1"})
    server.handlers["/m2"] = lambda each: patched(
        {"op": "add", "path": "/data/two", "value": each["object"]["data"].get("one", "none")}
    )
    server.handlers["/v"] = lambda _: ALLOWED
    await configured("Validating", webhook(server.client("/v")))
    await configured(
        "Mutating",
        webhook(server.client("/m1"), name="one.example.com"),
        webhook(server.client("/m2"), name="two.example.com"),
    )
    made = (await api.of("configmaps", namespace).create(config_map("a"))).ok()
    assert (made["data"]["one"], made["data"]["two"]) == ("1", "1")
    assert server.asked("/v")[-1]["object"]["data"]["two"] == "1"


async def test_a_patch_that_makes_an_object_invalid_is_refused_as_the_users_own(api, namespace, server, configured):
    server.handlers["/m"] = lambda _: patched({"op": "add", "path": "/data/no spaces", "value": "1"})
    await configured("Mutating", webhook(server.client("/m")))
    refused = (await api.of("configmaps", namespace).create(config_map("a"))).refused
    assert (refused.code, refused.reason) == (422, "Invalid")
    assert list(refused.fields) == ["data[no spaces]"]


async def test_a_denial_says_what_the_webhook_says(api, namespace, server, configured):
    denials = {
        "plain": {"allowed": False},
        "said": {"allowed": False, "status": {"message": "not today"}},
        "reason": {"allowed": False, "status": {"reason": "Weather", "code": 451}},
        "whole": {
            "allowed": False,
            "status": {"code": 403, "reason": "Forbidden", "message": "no", "details": {"name": "x"}},
        },
        "odd": {"allowed": False, "status": {"code": 200, "status": "Success", "message": "yes?"}},
    }
    server.handlers["/v"] = skipping_probe(lambda each: denials[each["name"]])
    await configured("Validating", webhook(server.client("/v")))
    maps = api.of("configmaps", namespace)
    head = 'admission webhook "hook.example.com" denied the request'
    answers = {name: (await maps.create(config_map(name))).refused for name in denials}
    assert answers == {
        "plain": Refusal(400, "", f"{head} without explanation"),
        "said": Refusal(400, "", f"{head}: not today"),
        "reason": Refusal(451, "Weather", f"{head}: Weather"),
        "whole": Refusal(403, "Forbidden", f"{head}: no"),
        "odd": Refusal(400, "", f"{head}: yes?"),
    }
    assert not [name for name in await maps.names() if name in denials]


async def test_warnings_of_webhooks_reach_the_client(api, namespace, server, configured):
    server.handlers["/v"] = lambda _: {**ALLOWED, "warnings": ['beware of "quotes"']}
    await configured("Validating", webhook(server.client("/v")))
    answer = await api.of("configmaps", namespace).create(config_map("a"))
    answer.ok()
    assert answer.warnings == ['beware of "quotes"']


FAILURES = {
    "an error": (
        lambda _: web.Response(status=500, text="boom"),
        'an error on the server ("boom") has prevented the request from succeeding',
    ),
    "not found": (lambda _: web.Response(status=404, text="?"), "the server could not find the requested resource"),
    "a teapot": (
        lambda _: web.Response(status=418, text="?"),
        "the server responded with the status code 418 but did not return more information",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_webhook_that_fails_fails_the_request(api, namespace, server, configured, failure):
    handler, told = FAILURES[failure]
    server.handlers["/v"] = skipping_probe(handler)
    await configured("Validating", webhook(server.client("/v")))
    refused = (await api.of("configmaps", namespace).create(config_map("a"))).refused
    cause = f'failed calling webhook "hook.example.com": failed to call webhook: {told}'
    assert refused == Refusal(500, "InternalError", f"Internal error occurred: {cause}", (("", "", cause),))


INVALID = {
    "another uid": ({"allowed": True, "uid": "x"}, "Validating", 'expected response.uid="{uid}", got "x"'),
    "a patch from a validating one": (
        patched({"op": "add", "path": "/data/k", "value": "v"}),
        "Validating",
        "validating webhook may not return response.patch",
    ),
    "a patch without a type": (
        {"allowed": True, "patch": "W10="},
        "Mutating",
        "webhook returned response.patch but not response.patchType",
    ),
    "a type without a patch": (
        {"allowed": True, "patchType": "JSONPatch"},
        "Mutating",
        "webhook returned response.patchType but not response.patch",
    ),
}


@pytest.mark.parametrize("case", INVALID)
async def test_an_answer_that_is_not_one_fails_the_request(api, namespace, server, configured, case):
    answer, kind, told = INVALID[case]
    server.handlers["/h"] = skipping_probe(lambda _: answer)
    await configured(kind, webhook(server.client("/h")))
    refused = (await api.of("configmaps", namespace).create(config_map("a"))).refused
    uid = server.asked("/h")[-1]["uid"]
    told = told.replace("{uid}", uid)
    assert refused.message == (
        f'Internal error occurred: failed calling webhook "hook.example.com": received invalid webhook response: {told}'
    )


async def test_an_answer_without_a_response_fails_the_request(api, namespace, server, configured):
    bodies = {
        "empty": {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"},
        "old": {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1beta1", "response": {"allowed": True}},
    }
    server.handlers["/h"] = skipping_probe(lambda each: web.json_response(bodies[each["name"]]))
    await configured("Validating", webhook(server.client("/h")))
    maps = api.of("configmaps", namespace)
    head = 'Internal error occurred: failed calling webhook "hook.example.com": received invalid webhook response: '
    assert (await maps.create(config_map("empty"))).refused.message == f"{head}webhook response was absent"
    assert (await maps.create(config_map("old"))).refused.message == (
        'Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: '
        "converting (v1beta1.AdmissionReview) to (v1.AdmissionReview): unknown conversion"
    )


async def test_a_patch_that_does_not_apply_fails_the_request(api, namespace, server, configured):
    server.handlers["/m"] = skipping_probe(lambda _: patched({"op": "remove", "path": "/data/none"}))
    await configured("Mutating", webhook(server.client("/m")))
    refused = (await api.of("configmaps", namespace).create(config_map("a"))).refused
    assert (refused.code, refused.reason) == (500, "InternalError")
    assert refused.message == (
        "Internal error occurred: error in remove for path: '/data/none': Unable to remove nonexistent key: none: "
        "missing value"
    )


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
async def test_a_webhook_that_nobody_serves(api, namespace, server, configured, policy):
    with socket.socket() as held:  # by a port that is held and not listened at nobody else can come to listen
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        client = {"url": f"https://127.0.0.1:{port}/x", "caBundle": server.ca_bundle}
        condition = {"name": "others", "expression": f"object.metadata.name != '{PROBE}'"}
        await configured("Validating", webhook(client, failurePolicy=policy, matchConditions=[condition]))
        answer = await api.of("configmaps", namespace).create(config_map("a"))
    if policy == "Ignore":
        answer.ok()
        return
    refused = answer.refused
    assert (refused.code, refused.reason) == (500, "InternalError")
    assert refused.message == (
        'Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: '
        f'Post "https://127.0.0.1:{port}/x?timeout=10s": dial tcp 127.0.0.1:{port}: connect: connection refused'
    )


async def test_a_webhook_of_an_authority_that_nobody_named(api, namespace, server, configured):
    server.handlers["/v"] = lambda _: ALLOWED
    condition = {"name": "others", "expression": f"object.metadata.name != '{PROBE}'"}
    await configured("Validating", webhook({"url": server.url("/v")}, matchConditions=[condition]))
    refused = (await api.of("configmaps", namespace).create(config_map("a"))).refused
    assert refused.message.endswith("tls: failed to verify certificate: x509: certificate signed by unknown authority")


async def test_a_webhook_that_takes_too_long(api, namespace, server, configured):
    condition = {"name": "others", "expression": f"object.metadata.name != '{PROBE}'"}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        client = {"url": f"https://127.0.0.1:{port}/x", "caBundle": server.ca_bundle}
        await configured("Validating", webhook(client, timeoutSeconds=1, matchConditions=[condition]))
        refused = (await api.of("configmaps", namespace).create(config_map("a"))).refused
    assert refused.message == (
        'Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: '
        f'Post "https://127.0.0.1:{port}/x?timeout=1s": context deadline exceeded'
    )


async def test_a_service_that_is_not_there_or_has_no_such_port(api, namespace, server, configured):
    service = {"namespace": namespace, "name": "hook", "path": "/x", "port": 8443}
    condition = {"name": "others", "expression": f"object.metadata.name != '{PROBE}'"}
    client = {"service": service, "caBundle": server.ca_bundle}
    await configured("Validating", webhook(client, matchConditions=[condition]))
    maps = api.of("configmaps", namespace)
    head = (
        'Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: '
        f'Post "https://hook.{namespace}.svc:8443/x?timeout=10s": '
    )
    missing = (await maps.create(config_map("a"))).refused.message
    assert missing == f'{head}service "hook" not found'
    other = {"metadata": {"name": "hook"}, "spec": {"ports": [{"port": 80}]}}
    (await api.of("services", namespace).create(other)).ok()

    async def seen():
        return (await maps.create(config_map("a"))).refused.message != missing

    await eventually(seen)
    assert (
        await maps.create(config_map("a"))
    ).refused.message == f'{head}no service port 8443 found for service "hook"'


async def test_a_service_elsewhere_is_called_by_its_external_name(api, namespace, tmp_path, server, configured):
    async with serving(tmp_path, f"hook.{namespace}.svc") as own:
        own.handlers["/x"] = lambda _: {"allowed": False, "status": {"message": "reached"}}
        spec = {"type": "ExternalName", "externalName": "localhost"}
        (await api.of("services", namespace).create({"metadata": {"name": "hook"}, "spec": spec})).ok()
        service = {"namespace": namespace, "name": "hook", "path": "/x", "port": own.port}
        condition = {"name": "others", "expression": f"object.metadata.name != '{PROBE}'"}
        client = {"service": service, "caBundle": own.ca_bundle}
        await configured("Validating", webhook(client, matchConditions=[condition]))

        async def reached():
            refused = (await api.of("configmaps", namespace).create(config_map("a"))).refused
            return refused.message == 'admission webhook "hook.example.com" denied the request: reached'

        await eventually(reached)


async def test_rules_choose_what_is_asked_about(api, namespace, server, configured):
    for path in ("/sub", "/scope", "/all"):
        server.handlers[path] = lambda _: ALLOWED
    await configured(
        "Validating",
        webhook(server.client("/sub"), rule("deployments/scale", ["UPDATE"], ["apps"]), name="a.example.com"),
        webhook(server.client("/scope"), rule("deployments", ["*"], ["apps"], scope="Cluster"), name="b.example.com"),
        webhook(
            server.client("/all"), rule("deployments/*", ["CREATE", "UPDATE"], ["apps"], ["*"]), name="c.example.com"
        ),
    )
    deployments = api.of("deployments", namespace)
    (await deployments.create(deployment("d", replicas=0))).ok()
    server.received.clear()
    scale = (await deployments.get("d", "scale")).ok()
    scale["spec"] = {"replicas": 0}
    (await deployments.merge("d", {"spec": {"paused": True}})).ok()
    (await deployments.merge("d", {"spec": {"replicas": 1}}, "scale")).ok()
    assert not server.asked("/scope")
    scaled = server.asked("/sub")[-1]
    assert scaled["subResource"] == scaled["requestSubResource"] == "scale"
    assert scaled["kind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    assert scaled["resource"] == {"group": "apps", "version": "v1", "resource": "deployments"}
    assert scaled["object"]["spec"] == {"replicas": 1}
    assert scaled["oldObject"]["kind"] == "Scale"
    asked = [(each.get("subResource", ""), each["operation"]) for each in server.asked("/all")]
    assert ("", "UPDATE") in asked
    assert ("scale", "UPDATE") in asked


async def test_selectors_and_conditions_choose_what_is_asked_about(api, namespace, server, configured):
    for path in ("/label", "/condition"):
        server.handlers[path] = lambda _: ALLOWED
    await configured(
        "Validating",
        webhook(server.client("/label"), objectSelector={"matchLabels": {"a": "b"}}, name="a.example.com"),
        webhook(
            server.client("/condition"),
            rule(operations=["CREATE", "DELETE"]),
            name="b.example.com",
            matchConditions=[
                {"name": "named", "expression": "request.name == 'asked'"},
                {"name": "creates", "expression": "request.operation == 'CREATE'"},
            ],
        ),
    )
    maps = api.of("configmaps", namespace)
    labelled = config_map("labelled")
    labelled["metadata"]["labels"] = {"a": "b"}
    for each in (config_map("plain"), labelled, config_map("asked")):
        (await maps.create(each)).ok()
    await maps.delete("asked")
    assert [each["name"] for each in server.asked("/label")] == ["labelled"]
    assert [each["name"] for each in server.asked("/condition")] == ["asked"]


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
async def test_a_condition_without_a_value(api, namespace, server, configured, policy):
    server.handlers["/v"] = lambda _: ALLOWED
    broken = {"name": "broken", "expression": f"object.metadata.name == '{PROBE}' || object.data.none == 'x'"}
    named = {"name": "named", "expression": f"object.metadata.name != '{PROBE}'"}
    await configured("Validating", webhook(server.client("/v"), failurePolicy=policy, matchConditions=[named, broken]))
    answer = await api.of("configmaps", namespace).create(config_map("a"))
    assert not server.asked("/v")
    if policy == "Ignore":
        answer.ok()
        return
    assert answer.refused == Refusal(
        403,
        "Forbidden",
        f"configmaps \"a\" is forbidden: expression '{broken['expression']}' resulted in error: no such key: none",
    )


async def test_a_webhook_is_asked_again_when_a_later_one_changed_the_object(api, namespace, server, configured):
    server.handlers["/first"] = lambda _: ALLOWED
    server.handlers["/never"] = lambda _: ALLOWED
    server.handlers["/second"] = lambda _: patched({"op": "add", "path": "/data/x", "value": "1"})
    await configured(
        "Mutating",
        webhook(server.client("/first"), name="a.example.com", reinvocationPolicy="IfNeeded"),
        webhook(server.client("/never"), name="b.example.com"),
        webhook(server.client("/second"), name="c.example.com", reinvocationPolicy="IfNeeded"),
    )
    (await api.of("configmaps", namespace).create(config_map("a"))).ok()
    paths = [path for path, review in server.received if review["request"]["name"] == "a"]
    assert paths == ["/first", "/never", "/second", "/first"]
    again = server.asked("/first")[-1]
    assert again["object"]["data"]["x"] == "1"


async def test_an_eviction_and_a_token_are_asked_about(api, namespace, server, configured):
    server.handlers["/v"] = lambda each: {"allowed": False, "status": {"message": each["subResource"]}}
    rules = rule("pods/eviction serviceaccounts/token", ["CREATE"])
    await configured("Validating", webhook(server.client("/v"), rules))
    pods = api.of("pods", namespace)
    (await pods.create(pod("p"))).ok()
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p", "namespace": namespace}}
    head = 'admission webhook "hook.example.com" denied the request: '
    evicted = await api.ask("POST", pods.at("p", "eviction"), eviction)
    assert evicted.refused.message == f"{head}eviction"
    accounts = api.of("serviceaccounts", namespace)
    token = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    assert (await api.ask("POST", accounts.at("default", "token"), token)).refused.message == f"{head}token"
    kinds = [(each["kind"]["group"], each["kind"]["kind"], each["name"]) for each in server.asked("/v")]
    assert kinds == [("policy", "Eviction", "p"), ("authentication.k8s.io", "TokenRequest", "default")]


async def test_a_collection_is_asked_about_object_by_object(api, namespace, server, configured):
    server.handlers["/v"] = lambda each: {"allowed": each["oldObject"]["metadata"]["name"] != "kept"}
    maps = api.of("configmaps", namespace)
    await configured("Validating", webhook(server.client("/v"), rule(operations=["DELETE"])))
    for name in ("a", "b"):
        made = config_map(name)
        made["metadata"]["labels"] = {"of": "case"}
        (await maps.create(made)).ok()
    gone = (await api.ask("DELETE", maps.path, labelSelector="of=case")).ok()
    assert sorted(each["metadata"]["name"] for each in gone["items"]) == ["a", "b"]
    assert sorted(each["oldObject"]["metadata"]["name"] for each in server.asked("/v")) == ["a", "b"]
    kept = config_map("kept")
    kept["metadata"]["labels"] = {"of": "case"}
    (await maps.create(kept)).ok()
    refused = (await api.ask("DELETE", maps.path, labelSelector="of=case")).refused
    assert "denied the request" in refused.message
    assert (await maps.get("kept")).status == 200


async def test_applying_is_asked_about_as_what_it_does(api, namespace, server, configured):
    server.handlers["/v"] = lambda _: ALLOWED
    await configured("Validating", webhook(server.client("/v"), rule(operations=["CREATE", "UPDATE"])))
    maps = api.of("configmaps", namespace)
    for value in ("1", "2", "2"):
        document = {**config_map("a"), "data": {"k": value}}
        applied = (await maps.patch("a", APPLY, document, fieldManager="me", force=True)).ok()
        await until_cached(maps, applied)
    asked = [(each["operation"], each["options"]["kind"], each["object"]["data"]["k"]) for each in server.asked("/v")]
    assert asked == [
        ("CREATE", "CreateOptions", "1"),
        ("UPDATE", "UpdateOptions", "2"),
        ("UPDATE", "UpdateOptions", "2"),
    ]


async def until_cached(maps, written):
    """Wait until the server's cache, which answers reads of any version, has come to what was written.

    A server whose cache is behind finds out only when it writes, and asks a second time.
    """

    async def cached():
        found = await maps.get(written["metadata"]["name"], resourceVersion="0")
        return found.status == 200 and version_of(found.document) >= version_of(written)

    await eventually(cached)


async def test_configurations_are_never_asked_about(api, server, namespace):
    server.handlers["/v"] = lambda _: {"allowed": False}
    groups = ["admissionregistration.k8s.io"]
    condition = {"name": "own", "expression": f"object.metadata.name.startsWith('{namespace}')"}
    hook = webhook(server.client("/v"), rule("*/*", ["*"], groups, ["*"]), matchConditions=[condition])
    collection = api.of("validatingwebhookconfigurations", root=ROOT)
    for number in range(2):
        (await collection.create(configuration("Validating", f"{namespace}-{number}", hook))).ok()
    for number in range(2):
        (await collection.delete(f"{namespace}-{number}")).ok()
    assert not server.received


async def test_a_configuration_is_defaulted(api, namespace, server):
    plain = webhook(server.client("/x"))
    by_service = webhook({"service": {"namespace": "x", "name": "y"}}, name="b.example.com")
    for kind, more in (("Validating", {}), ("Mutating", {"reinvocationPolicy": "Never"})):
        collection = api.of(f"{kind.lower()}webhookconfigurations", root=ROOT)
        answer = await collection.create(configuration(kind, namespace, plain, by_service), dryRun="All")
        first, second = answer.ok()["webhooks"]
        assert first == {
            **plain,
            "failurePolicy": "Fail",
            "matchPolicy": "Equivalent",
            "namespaceSelector": {},
            "objectSelector": {},
            "timeoutSeconds": 10,
            "rules": [{**rule(), "scope": "*"}],
            **more,
        }
        assert second["clientConfig"]["service"]["port"] == 443


WRONG = {
    "no name": ({"name": ""}, {"webhooks[0].name: Required value"}),
    "a short name": (
        {"name": "a.b"},
        {
            'webhooks[0].name: Invalid value: "a.b": should be a domain with at least three segments separated by dots',
        },
    ),
    "no client": (
        {"clientConfig": {}},
        {"webhooks[0].clientConfig: Required value: exactly one of url or service is required"},
    ),
    "a plain url": (
        {"clientConfig": {"url": "http://a/b?c#d"}},
        {
            (
                "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; "
                "desired format: https://host[/path]"
            ),
            'webhooks[0].clientConfig.url: Invalid value: "d": fragments are not permitted in the URL',
            'webhooks[0].clientConfig.url: Invalid value: "c": query parameters are not permitted in the URL',
        },
    ),
    "a strange service": (
        {"clientConfig": {"service": {"namespace": "n", "name": "s", "path": "no//slash", "port": 0}}},
        {
            (
                "webhooks[0].clientConfig.service.port: Invalid value: 0: port is not valid: must be between "
                "1 and 65535, inclusive"
            ),
            "webhooks[0].clientConfig.service.path: Invalid value: \"no//slash\": must start with a '/'",
            'webhooks[0].clientConfig.service.path: Invalid value: "no//slash": segment[1] may not be empty',
        },
    ),
    "side effects": (
        {"sideEffects": "Some"},
        {'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"'},
    ),
    "no side effects said": (
        {"sideEffects": None},
        {"webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun"},
    ),
    "versions": (
        {"admissionReviewVersions": ["v2"]},
        {'webhooks[0].admissionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1'},
    ),
    "timeout": (
        {"timeoutSeconds": 31},
        {"webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds"},
    ),
    "a rule of nothing": (
        {"rules": [{}]},
        {
            "webhooks[0].rules[0].operations: Required value",
            "webhooks[0].rules[0].apiGroups: Required value",
            "webhooks[0].rules[0].apiVersions: Required value",
            "webhooks[0].rules[0].resources: Required value",
        },
    ),
    "a rule of too much": (
        {"rules": [rule("pods pods/* pods/log", ["*", "CREATE"], scope="Some")]},
        {
            (
                'webhooks[0].rules[0].operations: Invalid value: ["*","CREATE"]: if \'*\' is present, must not specify '
                "other operations"
            ),
            (
                "webhooks[0].rules[0].resources[2]: Invalid value: \"pods/log\": if 'pods/*' is present, must not "
                "specify pods/log"
            ),
            'webhooks[0].rules[0].scope: Unsupported value: "Some": supported values: "*", "Cluster", "Namespaced"',
        },
    ),
    "a condition": (
        {"matchConditions": [{"name": "x y", "expression": "object."}, {"name": "", "expression": " "}]},
        {
            "webhooks[0].matchConditions[1].expression: Required value",
            "webhooks[0].matchConditions[1].name: Required value",
        },
    ),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_configuration_that_is_wrong_is_refused(api, namespace, server, case):
    more, told = WRONG[case]
    hook = {name: value for name, value in {**webhook(server.client("/x")), **more}.items() if value is not None}
    collection = api.of("validatingwebhookconfigurations", root=ROOT)
    refused = (await collection.create(configuration("Validating", namespace, hook), dryRun="All")).refused
    assert (refused.code, refused.reason) == (422, "Invalid")
    found = {f"{field}: {message}" for field, _, message in refused.causes}
    assert told <= found if case == "a condition" else told == found


async def test_a_configuration_counts_its_changes_and_wants_its_version(api, namespace, server):
    collection = api.of("validatingwebhookconfigurations", root=ROOT)
    client = {"url": "https://127.0.0.1:1/x"}
    made = (await collection.create(configuration("Validating", namespace, webhook(client, rule("none"))))).ok()
    assert made["metadata"]["generation"] == 1
    made["webhooks"][0]["timeoutSeconds"] = 5
    updated = (await collection.update(made)).ok()
    assert updated["metadata"]["generation"] == 2
    del updated["metadata"]["resourceVersion"]
    refused = (await collection.update(updated)).refused
    assert refused.fields == {"metadata.resourceVersion": "FieldValueInvalid"}
    await collection.delete(namespace)
