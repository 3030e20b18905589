"""A twin with applications, a dashboard over it, and Debian's Chromium that looks: for the tests of the dashboard."""

import asyncio
import json
import os
import shutil
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import yaml

from kubewright.api.batch import JOBS
from kubewright.api.core import NAMESPACES, NODES
from kubewright.api.crds.appservice import APP_SERVICE_CRD, APP_SERVICES
from kubewright.api.crds.auditrecord import AUDIT_RECORD_CRD, Entry
from kubewright.api.crds.incident import INCIDENT_CRD, INCIDENTS
from kubewright.api.crds.queue import QUEUE_CRD
from kubewright.api.crds.scalepolicy import SCALE_POLICIES, SCALE_POLICY_CRD
from kubewright.api.crds.team import TEAM_CRD, TEAMS
from kubewright.api.live import live_resource
from kubewright.api.meta import ObjectKey, rfc3339
from kubewright.app import Choices, Platform
from kubewright.audit.log import AuditLog
from kubewright.cli.dashboardcalls import as_person
from kubewright.cli.demo.world import until
from kubewright.client.kubeconfig import load
from kubewright.clock import Clock
from kubewright.dashboard.app import STATIC
from kubewright.dashboard.service import Dashboard
from kubewright.dashboard.serving import Serving
from kubewright.runtime.definitions import install
from kubewright.runtime.serving import listen
from kubewright.twin.cluster import Twin
from kubewright.twin.nodes import NodeShape
from kubewright.twin.serve import serving
from tests.e2e.beside import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
SHOTS = Path(os.environ.get("KUBEWRIGHT_SCREENSHOTS", ROOT / "build" / "screenshots"))
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
OWNER = "the-key-of-the-owner-of-this-process"
VIEWER, STRANGER = "viewers-token-of-the-tests", "strangers-token-of-the-tests"

needs_browser = pytest.mark.skipif(
    CHROMIUM is None or not (STATIC / "index.html").is_file() or not AXE.is_file(),
    reason="needs Debian's package chromium and the built front end: apt-get install chromium, make web",
)


@dataclass(frozen=True)
class Shown:
    """What a test looks at."""

    url: str
    twin: Twin
    client: object

    @property
    def link(self):
        return f"{self.url}/#key={OWNER}"


@asynccontextmanager
async def dashboard(folder, *, nodes=6, shape=None, measured_by=None, **options):
    """A dashboard over a twin, on a socket; others than its owner sign in as viewer, who may only look, or stranger.

    `measured_by` makes a source of measurements from the twin; without one there is none.
    """
    tokens = folder / "tokens"
    tokens.write_text(f'{VIEWER},viewer,viewer,"viewers"\n{STRANGER},stranger,stranger,"strangers"\n')
    clock, listener = Clock.wall(), listen("127.0.0.1", 0)
    async with AsyncExitStack() as stack:
        twin = await stack.enter_async_context(Twin(clock, nodes=nodes, shape=shape or NodeShape()))
        await stack.enter_async_context(serving(twin.server, folder / "kubeconfig", token_file=tokens))
        client = twin.client()
        await install(client, [APP_SERVICE_CRD, QUEUE_CRD, INCIDENT_CRD, SCALE_POLICY_CRD, TEAM_CRD, AUDIT_RECORD_CRD])
        choices = Serving(
            lambda: listener,
            b"the key of sessions in the tests",
            owner_key=OWNER,
            connect_as=partial(as_person, load(folder / "kubeconfig")),
            cluster="twin",
            **options,
        )
        shown = Dashboard(client, clock, choices, measured_by(twin) if measured_by else None)
        platform = Platform(client, clock, choices=Choices(services=("workloads",)))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        running = [tasks.create_task(each.run()) for each in (shown, platform)]
        async with asyncio.timeout(PATIENCE_SECONDS):
            await until(lambda: shown.synced and platform.ready)
        try:
            yield Shown(f"http://127.0.0.1:{listener.getsockname()[1]}", twin, client)
        finally:
            for each in running:
                each.cancel()


async def shop(client):
    """Deploy the shop of the examples, one pod that no node takes, and the story of an incident."""
    await client.create(NAMESPACES, {"metadata": {"name": "shop"}})
    for manifest in yaml.safe_load_all((ROOT / "examples" / "shop.yaml").read_text()):
        await client.create(APP_SERVICES, manifest, namespace="shop")
    huge = {"image": "sim/huge:1", "replicas": 1, "resources": {"requests": {"cpu": "4000"}}}
    await client.create(APP_SERVICES, {"metadata": {"name": "huge"}, "spec": huge}, namespace="shop")
    about = {"apiVersion": "v1", "kind": "Node", "name": "node-03"}
    incident = {"metadata": {"name": "node-03-power"}, "spec": {"cause": "NodePowerLost", "about": about}}
    await client.create(INCIDENTS, incident, namespace="shop")
    moments = ("faultSince", "detected", "diagnosed", "decided", "acted")
    status = {
        "phase": "AwaitingApproval",
        "message": "the policy wants a person's word before nodes are fenced",
        "signals": ["NodeSilent Node/node-03"],
        "evidence": ["its lease is 40 s old", "two neighbours cannot reach it"],
        "plan": {
            "remedy": "FenceNode",
            "reason": "its pods run nowhere",
            "actions": ["Taint Node/node-03"],
            "digest": "5eed",
        },
        "rehearsal": {"passed": True, "message": "9 pods would go and all find a place"},
        "times": {name: rfc3339(time.time() + second) for second, name in enumerate(moments)},
    }
    await client.patch(INCIDENTS, await _key(client), {"status": status}, subresource="status")


async def teams_and_policies(client):
    """A team, a policy that scales, and an entry of the audit log."""
    await client.create(TEAMS, {"metadata": {"name": "payments"}, "spec": {"quota": {"cpu": "40"}}})
    budget = {"spent": "812.50", "forecast": "1240.00", "currency": "USD"}
    status = {"namespaces": ["payments"], "members": 4, "budget": budget}
    await client.patch(TEAMS, ObjectKey("", "payments"), {"status": status}, subresource="status")
    spec = {"target": {"name": "frontend"}, "min": 1, "max": 8}
    await client.create(SCALE_POLICIES, {"metadata": {"name": "frontend"}, "spec": spec}, namespace="shop")
    metric = {"name": "cpu", "value": "92%", "target": "70%", "replicas": 3}
    status = {"currentReplicas": 2, "desiredReplicas": 3, "mode": "reactive", "metrics": [metric]}
    await client.patch(SCALE_POLICIES, ObjectKey("shop", "frontend"), {"status": status}, subresource="status")
    log = AuditLog(client, Clock.wall(), "kubewright-healing")
    await log.intend(
        Entry(who="kubewright-healing", about="Node/node-03", why="its power is gone; the policy wants a person's word")
    )


async def gpus(client):
    """Slices on one node, as kubewright cuts them, and somebody who has a whole GPU of another."""
    layout = {"gpu.kubewright.dev/mig-layout": '[{"1g.5gb":3,"3g.20gb":1},{"7g.40gb":1}]'}
    await client.patch(NODES, ObjectKey("", "node-04"), {"metadata": {"annotations": layout}})
    container = {"name": "main", "image": "sim/train:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    annotations = {"gpu.kubewright.dev/devices": "0", "twin.kubewright.dev/run-seconds": "3600"}
    pod = {"containers": [container], "nodeName": "node-05", "restartPolicy": "Never"}
    template = {"metadata": {"annotations": annotations}, "spec": pod}
    job = {"metadata": {"name": "train"}, "spec": {"template": template}}
    await client.create(live_resource(JOBS), job, namespace="shop")


async def _key(client):
    return (await client.list(INCIDENTS)).items[0].key


@asynccontextmanager
async def browser():
    """Chromium with nothing of anybody's."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        patience = PATIENCE_SECONDS * 1000
        chromium = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS, headless=True, timeout=patience
        )
        try:
            yield chromium
        finally:
            await chromium.close()


@asynccontextmanager
async def page(chromium, *, dark=False, width=1440, height=900):
    """A window of its own, whose errors fail the test."""
    context = await chromium.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
    )
    context.set_default_timeout(PATIENCE_SECONDS * 1000)
    window = await context.new_page()
    problems = []
    window.on("pageerror", lambda error: problems.append(str(error)))
    window.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    try:
        yield window
    finally:
        await context.close()
    unexpected = [each for each in problems if "status of 4" not in each]
    assert not unexpected, unexpected


async def stands(window):
    """Wait until what slides in is where it stays, and has its colours."""
    ends = "document.getAnimations().map(each => each.finished.catch(() => null))"
    await window.evaluate(f"Promise.all({ends}).then(() => null)")


async def accessible(window):
    """Hold a screen against WCAG 2.2 AA, by axe."""
    # The page lets no script in, axe neither: it runs beside the page's own world.
    session = await window.context.new_cdp_session(window)
    tree = await session.send("Page.getFrameTree")
    frame = {"frameId": tree["frameTree"]["frame"]["id"], "worldName": "axe"}
    world = (await session.send("Page.createIsolatedWorld", frame))["executionContextId"]
    rules = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}"
    said = (
        f"axe.run(document, {rules}).then(r => JSON.stringify(r.violations.map(v => [v.id, v.nodes.map(n => n.html)])))"
    )
    await session.send("Runtime.evaluate", {"expression": AXE.read_text(), "contextId": world})
    asked = {"expression": said, "contextId": world, "awaitPromise": True, "returnByValue": True}
    answer = await session.send("Runtime.evaluate", asked)
    assert json.loads(answer["result"]["value"]) == [], answer["result"]["value"]


async def shot(window, name):
    """Keep a picture of a screen, as build output."""
    await window.screenshot(path=SHOTS / f"{name}.png")
