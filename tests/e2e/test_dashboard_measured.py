"""What the dashboard draws of a store of measurements, in Debian's Chromium: burn of releases, load, traffic, cost."""

import asyncio

from kubewright.api.apps import REPLICA_SETS
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.crds.scalepolicy import SCALE_POLICIES
from kubewright.api.crds.team import TEAMS
from kubewright.api.meta import ObjectKey
from tests.e2e.beside import PATIENCE_SECONDS
from tests.e2e.dashboards import (
    accessible,
    browser,
    dashboard,
    needs_browser,
    page,
    shop,
    shot,
    stands,
    teams_and_policies,
)
from tests.e2e.remembered import Remembered

pytestmark = needs_browser
FRONTEND = ObjectKey("shop", "frontend")


async def _with_a_release(client):
    """The shop, where the frontend has two releases, a team with a budget, and a policy that goes by requests."""
    await shop(client)
    await teams_and_policies(client)
    await client.patch(TEAMS, ObjectKey("", "payments"), {"spec": {"budget": {"month": "900"}}})
    await client.patch(TEAMS, ObjectKey("", "payments"), {"status": {"namespaces": ["shop"]}}, subresource="status")
    metrics = [{"requests": {"average": "25"}}]
    await client.patch(SCALE_POLICIES, FRONTEND, {"spec": {"metrics": metrics}})
    metric = {"name": "requests", "value": "31", "target": "25", "replicas": 3}
    await client.patch(SCALE_POLICIES, FRONTEND, {"status": {"metrics": [metric]}}, subresource="status")
    await _until(_is_stable, client)
    steps = [{"weight": 25, "pauseSeconds": 3600}, {"weight": 50, "pauseSeconds": 3600}]
    spec = {"image": "frontend:v0.11.0", "slo": {"availability": 99.9}}
    await client.patch(APP_SERVICES, FRONTEND, {"spec": spec | {"rollout": {"strategy": "canary", "steps": steps}}})
    await _until(_is_released, client)


async def _until(holds, client):
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await holds(client):  # noqa: ASYNC110  the server is to be asked
            await asyncio.sleep(0.2)


async def _is_stable(client):
    state = (await client.get(APP_SERVICES, FRONTEND)).status.rollout
    return state is not None and state.phase == "Stable"


async def _is_released(client):
    sets = (await client.list(REPLICA_SETS, namespace="shop")).items
    return sum(each.metadata.labels.get("app.example.com/name") == "frontend" for each in sets) > 1


async def test_what_was_measured_is_drawn_and_passes_axe(tmp_path):
    source = lambda twin: Remembered(twin.client())
    async with dashboard(tmp_path, measured_by=source) as shown, browser() as chromium:
        await _with_a_release(shown.client)
        for suffix, dark in (("", False), ("-dark", True)):
            async with page(chromium, dark=dark, height=1300) as window:
                await window.goto(shown.link)
                await window.get_by_role("heading", name="Fleet").wait_for()

                async def drawn(name, address, *labels, window=window, suffix=suffix):
                    await window.goto(f"{shown.url}/#/{address}")
                    for label in labels:
                        await window.get_by_label(label).locator("canvas").wait_for()
                    await stands(window)
                    await shot(window, f"{name}{suffix}")
                    await accessible(window)

                await drawn("burn", "apps/shop%2Ffrontend", "Burn rate by release", "Share of the requests by release")
                await drawn("load", "scaling/shop%2Ffrontend", "Load;", "Pods;")
                assert await window.get_by_role("link", name="Download the last week").get_attribute("download")
                await drawn("cost", "teams/payments", "Cost by the day")
                await window.goto(f"{shown.url}/#/apps")
                await window.get_by_role("button", name="Who calls whom").click()
                await window.locator(".map .flows").filter(has_text="118/s").wait_for()
                await shot(window, f"traffic{suffix}")
                await accessible(window)


async def test_without_a_store_screens_say_what_it_would_take(tmp_path):
    async with dashboard(tmp_path) as shown, browser() as chromium, page(chromium) as window:
        await shop(shown.client)
        await teams_and_policies(shown.client)
        await window.goto(shown.link)
        await window.get_by_role("heading", name="Fleet").wait_for()
        for address in ("apps/shop%2Ffrontend", "scaling/shop%2Ffrontend", "teams/payments"):
            await window.goto(f"{shown.url}/#/{address}")
            await window.get_by_text("started without one").wait_for()
            await window.get_by_text("--prometheus").first.wait_for()
