"""An operator's own webhooks: a real server trusts the certificate, asks, and heeds the answers; versions convert."""

import asyncio
from typing import Annotated

import pytest

from kubewright.api.crds.definition import CrdSpec, OtherVersion, crd_manifest
from kubewright.api.described import described
from kubewright.api.meta import KubeObject, Leaf, Resource
from kubewright.clock import Clock
from kubewright.runtime import Operator
from kubewright.runtime.webhooks import Conversion
from kubewright.runtime.webhooks.keeping import Place
from kubewright.runtime.webhooks.serving import serve_webhooks
from tests.contract.asking import eventually
from tools.cluster.plane import free_ports

GROUP = "hooked.example.com"


class SignSpec(Leaf, frozen=True):
    words: Annotated[str, described("What it says.")] = ""
    lines: Annotated[int, described("How many lines.")] = 0


class Sign(KubeObject, frozen=True, kw_only=True):
    """A sign."""

    spec: SignSpec = SignSpec()


class OldSpec(Leaf, frozen=True):
    text: Annotated[str, described("What it says.")] = ""


class OldSign(KubeObject, frozen=True, kw_only=True):
    """A sign as it once was."""

    spec: OldSpec = OldSpec()


SIGNS = Resource(GROUP, "v2", "signs", "Sign", Sign)
OLD_SIGNS = Resource(GROUP, "v1", "signs", "Sign", OldSign)


def no_shorter(old, new):
    if old is not None and new is not None and new.spec.lines < old.spec.lines:
        yield f"spec.lines: a sign is not made shorter than {old.spec.lines}"


def one_line(document):
    spec = {"lines": 1, **document.get("spec", {})}
    return {**document, "spec": spec}


def hooked(operator, *, converting):
    others = (OtherVersion(OLD_SIGNS, deprecated="signs are v2 now"),) if converting else ()
    operator.define(crd_manifest(CrdSpec(SIGNS, others=others)))
    operator.webhooks.validate(SIGNS, no_shorter)
    operator.webhooks.default(SIGNS, one_line)
    if converting:
        to_hub = {"v1": lambda old: {**old, "spec": {"words": old["spec"]["text"]}}}
        from_hub = {"v1": lambda new: {**new, "spec": {"text": new["spec"].get("words", "")}}}
        operator.webhooks.convert(SIGNS, Conversion("v2", to_hub, from_hub))


@pytest.fixture
async def signs(cluster, client, api, namespace):
    """The kind, and the operator's webhooks served on loopback."""
    address = f"127.0.0.1:{free_ports(1)[0]}"
    operator = Operator("hooked", client, Clock.wall())
    hooked(operator, converting=cluster.name == "control-plane")
    async with asyncio.TaskGroup() as tasks:
        place = Place("hooked", namespace, f"https://{address}")
        serving = tasks.create_task(serve_webhooks(operator, place, address))
        found = api.of("signs", namespace, root=f"/apis/{GROUP}/v2")
        await found.served()
        yield found
        for kind in ("validatingwebhookconfigurations", "mutatingwebhookconfigurations"):
            cluster.kubectl("delete", kind, "hooked")
        cluster.kubectl("delete", "crd", f"signs.{GROUP}", "--timeout=180s")
        serving.cancel()


def sign(version="v2", **spec):
    return {"apiVersion": f"{GROUP}/{version}", "kind": "Sign", "metadata": {"name": "a"}, "spec": spec}


async def test_an_operators_webhooks_are_asked_and_heeded(signs, cluster, api, namespace):
    async def defaulted():
        made = await signs.create(sign(words="hello"))
        if made.status == 201 and made.ok()["spec"].get("lines") == 1:
            return True
        await signs.delete("a")  # a server takes a moment to hear of new webhooks
        return False

    await eventually(defaulted, signs.list)
    (await signs.merge("a", {"spec": {"lines": 3}})).ok()

    async def refused():
        # Of the one that validates it may hear later than of the one that defaults.
        answer = await signs.merge("a", {"spec": {"lines": 2}}, dryRun="All")
        return answer if answer.status == 422 else None

    answer = await eventually(refused)
    assert "spec.lines: a sign is not made shorter than 3" in answer.document["message"]
    if cluster.name == "control-plane":
        old = api.of("signs", namespace, root=f"/apis/{GROUP}/v1")
        document = await old.becomes("a", lambda it: "text" in it["spec"])
        assert document["spec"] == {"text": "hello"}
        (await old.update({**document, "spec": {"text": "goodbye"}})).ok()
        assert (await signs.get("a")).ok()["spec"]["words"] == "goodbye"
