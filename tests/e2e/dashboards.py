"""A twin with applications, a dashboard over it, and Debian's Chromium that looks: for the tests of the dashboard."""

import asyncio
import os
import shutil
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import yaml

from kubewright.api.core import NAMESPACES
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.crds.incident import INCIDENT_CRD, INCIDENTS
from kubewright.api.crds.queue import QUEUE_CRD
from kubewright.app import Choices, Platform
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
from kubewright.twin.serve import serving

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
SHOTS = Path(os.environ.get("KUBEWRIGHT_SCREENSHOTS", ROOT / "build" / "screenshots"))
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
PATIENCE_SECONDS = 60

needs_browser = pytest.mark.skipif(
    CHROMIUM is None or not (STATIC / "index.html").is_file(),
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
async def dashboard(folder, *, nodes=6, seed=0, **options):
    """A dashboard over a twin, on a socket; others than its owner sign in as viewer, who may only look, or stranger."""
    tokens = folder / "tokens"
    tokens.write_text(f'{VIEWER},viewer,viewer,"viewers"\n{STRANGER},stranger,stranger,"strangers"\n')
    clock, listener = Clock.wall(), listen("127.0.0.1", 0)
    async with AsyncExitStack() as stack:
        twin = await stack.enter_async_context(Twin(clock, nodes=nodes, seed=seed))
        await stack.enter_async_context(serving(twin.server, folder / "kubeconfig", token_file=tokens))
        client = twin.client()
        await install(client, [QUEUE_CRD, INCIDENT_CRD])
        choices = Serving(
            lambda: listener,
            b"the key of sessions in the tests",
            owner_key=OWNER,
            connect_as=partial(as_person, load(folder / "kubeconfig")),
            cluster="twin",
            **options,
        )
        shown = Dashboard(client, clock, choices)
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
        "plan": {"remedy": "FenceNode", "reason": "its pods run nowhere", "actions": ["Taint Node/node-03"]},
        "rehearsal": {"passed": True, "message": "9 pods would go and all find a place"},
        "times": {name: f"2026-11-01T10:00:{second:02d}Z" for second, name in enumerate(moments, 7)},
    }
    await client.patch(INCIDENTS, await _key(client), {"status": status}, subresource="status")


async def _key(client):
    return (await client.list(INCIDENTS)).items[0].key


@asynccontextmanager
async def browser():
    """Chromium with nothing of anybody's."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, headless=True)
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


async def shot(window, name):
    """Keep a picture of a screen, as build output."""
    await window.screenshot(path=SHOTS / f"{name}.png")
