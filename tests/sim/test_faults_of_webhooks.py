"""Webhooks that a fault takes away: what the client sees while it is in force, and that others go on."""

import asyncio
import json

import pytest

from kubewright.api.core import CONFIG_MAPS
from kubewright.api.meta import KubeObject, Resource
from kubewright.twin.webhooks.questions import HttpAnswer
from tests.sim.build import run
from tests.sim.faulty import inject, lift, refusal, status

GROUP, KIND = "admissionregistration.k8s.io", "ValidatingWebhookConfiguration"
VALIDATING = Resource(GROUP, "v1", "validatingwebhookconfigurations", KIND, KubeObject, namespaced=False)


class Allowing:
    async def post(self, question, body):
        review = json.loads(body)
        response = {"uid": review["request"]["uid"], "allowed": True}
        return HttpAnswer(200, json.dumps({**review, "response": response}).encode())


async def configured(day):
    day.twin.server.webhooks = Allowing()
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    hook = {
        "name": "away.example.com",
        "clientConfig": {"url": "https://hooks:8443/x"},
        "rules": [rule],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 5,
    }
    manifest = {
        "apiVersion": f"{GROUP}/v1",
        "kind": KIND,
        "metadata": {"name": "c"},
        "webhooks": [hook],
    }
    await day.client.create(VALIDATING, manifest)


async def create(day, name):
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}
    return await refusal(day.client.create(CONFIG_MAPS, manifest, namespace="default"))


@pytest.mark.parametrize(
    ("mode", "seconds", "cause"),
    [
        ("Refused", 0, "dial tcp hooks:8443: connect: connection refused"),
        ("Timeout", 5, "context deadline exceeded"),
    ],
)
def test_a_webhook_that_is_away_fails_what_it_is_asked_about(mode, seconds, cause):
    async def day(day):
        await configured(day)
        assert await create(day, "before") is None
        target = {"webhooks": {"names": ["away.*"]}}
        await inject(day, "outage", "WebhookOutage", target, webhookOutage={"mode": mode})
        assert (await status(day, "outage")).phase == "InForce"
        began = asyncio.get_running_loop().time()
        refused = await create(day, "during")
        assert asyncio.get_running_loop().time() - began == pytest.approx(seconds, abs=0.5)
        assert refused.detail.endswith(f'Post "https://hooks:8443/x?timeout=5s": {cause}')
        await lift(day, "outage")
        assert await create(day, "after") is None

    run(day)


def test_other_webhooks_are_not_hit():
    async def day(day):
        await configured(day)
        await inject(day, "outage", "WebhookOutage", {"webhooks": {"names": ["other.*"]}})
        assert await create(day, "during") is None

    run(day)
