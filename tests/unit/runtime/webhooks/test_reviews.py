import base64

import msgspec
import pytest

from kubewright.runtime.webhooks import Conversion, Webhooks
from kubewright.runtime.webhooks.reviews import ReviewApp
from tests.seeded.widget import SAMPLE, WIDGETS


async def asked(app, path, request, method="POST", body=None):
    """Return the status and the answer of one review."""
    sent = []

    async def receive():
        document = {"apiVersion": "x/v1", "kind": "Review", "request": {"uid": "u", **request}}
        return {"type": "http.request", "body": msgspec.json.encode(document) if body is None else body}

    async def send(message):
        sent.append(message)

    await app({"type": "http", "method": method, "path": path}, receive, send)
    return sent[0]["status"], msgspec.json.decode(sent[1]["body"])


def app(validate=None, default=None):
    webhooks = Webhooks()
    webhooks.validate(WIDGETS, validate or (lambda old, new: ()))
    webhooks.default(WIDGETS, default or (lambda document: document))
    webhooks.convert(
        WIDGETS,
        Conversion(
            "v2",
            {"v1": lambda document: {**document, "spec": {"words": document["spec"]["text"]}}},
            {"v1": lambda document: {**document, "spec": {"text": document["spec"]["words"]}}},
        ),
    )
    return ReviewApp(webhooks)


VALIDATE, DEFAULT = "/validate/example.com-v1-widgets", "/default/example.com-v1-widgets"
CONVERT = "/convert/widgets.example.com"


async def test_a_validator_sees_both_states_typed_and_what_it_says_is_the_refusal():
    def validate(old, new):
        if old is not None and new is not None and new.spec.replicas < old.spec.replicas:
            yield f"spec.replicas: may not shrink from {old.spec.replicas}"

    smaller = {**SAMPLE, "spec": {**SAMPLE["spec"], "replicas": 1}}
    hooks = app(validate)
    _, refused = await asked(hooks, VALIDATE, {"oldObject": SAMPLE, "object": smaller})
    assert refused["response"]["status"]["message"] == "spec.replicas: may not shrink from 2"
    assert (refused["response"]["uid"], refused["response"]["allowed"]) == ("u", False)
    for request in ({"object": smaller}, {"oldObject": SAMPLE}, {"oldObject": smaller, "object": SAMPLE}):
        _, allowed = await asked(hooks, VALIDATE, request)
        assert allowed["response"] == {"uid": "u", "allowed": True}


async def test_a_default_is_a_patch_and_leaves_names_alone():
    def default(document):
        document["spec"].setdefault("config", "words")
        document["metadata"]["name"] = "another"
        document["metadata"]["labels"] = {"team": "a"}
        return document

    _, answer = await asked(app(default=default), DEFAULT, {"object": SAMPLE})
    patch = msgspec.json.decode(base64.b64decode(answer["response"]["patch"]))
    assert [(each["op"], each["path"]) for each in patch] == [("add", "/spec"), ("add", "/metadata/labels")]
    assert patch[0]["value"]["config"] == "words"
    _, nothing = await asked(app(), DEFAULT, {"object": SAMPLE})
    assert nothing["response"] == {"uid": "u", "allowed": True}


async def test_objects_are_converted_there_and_back_or_none_of_them():
    old = {"apiVersion": "example.com/v1", "metadata": {"name": "a"}, "spec": {"text": "hello"}}
    _, answer = await asked(app(), CONVERT, {"desiredAPIVersion": "example.com/v2", "objects": [old]})
    (new,) = answer["response"]["convertedObjects"]
    assert (new["apiVersion"], new["spec"]) == ("example.com/v2", {"words": "hello"})
    _, answer = await asked(app(), CONVERT, {"desiredAPIVersion": "example.com/v1", "objects": [new, old]})
    assert answer["response"]["convertedObjects"] == [old, old]
    _, answer = await asked(app(), CONVERT, {"desiredAPIVersion": "example.com/v3", "objects": [old]})
    assert answer["response"]["result"]["status"] == "Failure"
    assert answer["response"]["convertedObjects"] == []


@pytest.mark.parametrize(
    ("path", "method", "body", "status"),
    [
        ("/validate/other", "POST", None, 404),
        (VALIDATE, "GET", None, 404),
        (VALIDATE, "POST", b"{", 400),
        (VALIDATE, "POST", b"{}", 400),
        (VALIDATE, "POST", b"x" * (17 * 1024 * 1024), 413),
    ],
)
async def test_what_is_no_review_is_refused(path, method, body, status):
    found, answer = await asked(app(), path, {"object": SAMPLE}, method, body)
    assert found == status
    assert answer["error"]


async def test_a_function_that_fails_is_an_answer():
    def fail(old, new):
        raise RuntimeError("no luck")

    status, answer = await asked(app(fail), VALIDATE, {"object": SAMPLE})
    assert (status, answer["error"]) == (500, f"{VALIDATE}: RuntimeError('no luck')")


def test_a_version_needs_a_way_there_and_back():
    with pytest.raises(ValueError, match="a way to it and a way back"):
        Conversion("v2", {"v1": dict}, {})
