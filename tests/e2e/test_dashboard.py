"""The dashboard in Debian's Chromium, over a twin: pictures of each screen are kept in build/screenshots."""

import asyncio

from kubewright.api.core import NODES
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.crds.incident import INCIDENTS
from kubewright.api.meta import ObjectKey
from kubewright.twin.nodes import NodeShape
from tests.e2e.beside import PATIENCE_SECONDS
from tests.e2e.dashboards import (
    STRANGER,
    accessible,
    browser,
    dashboard,
    gpus,
    needs_browser,
    page,
    shop,
    shot,
    stands,
    teams_and_policies,
)

pytestmark = needs_browser
HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m\u202e" + "long " * 180


async def test_every_screen_shows_the_cluster_and_passes_axe(tmp_path):
    async with dashboard(tmp_path, shape=NodeShape(gpus=2)) as shown, browser() as chromium:
        await shop(shown.client)
        await teams_and_policies(shown.client)
        await gpus(shown.client)
        for dark in (False, True):
            async with page(chromium, dark=dark) as window:
                await window.goto(shown.link)
                await _walk(window, shown.url, "-dark" if dark else "")


async def _walk(window, url, suffix):
    async def seen(name, address, text):
        await window.goto(f"{url}/#/{address}")
        await window.get_by_text(text).first.wait_for()
        await stands(window)
        await shot(window, f"{name}{suffix}")
        await accessible(window)

    await seen("fleet", "fleet", "CPU requested")
    await seen("node", "fleet/node-01", "Kubelet")
    await seen("slices", "fleet/node-04", "3g.20gb")
    await seen("gpu", "fleet/node-05", "all of it")
    await seen("applications", "apps", "frontend")
    await window.locator(".rows .badge.well").nth(10).wait_for()
    await window.get_by_role("button", name="Who calls whom").click()
    await window.locator(".map .app").filter(has_text="frontend").wait_for()
    await shot(window, f"topology{suffix}")
    await accessible(window)
    await seen("application", "apps/shop%2Fcheckoutservice", "Called by")
    await seen("queue", "queue", "shop/huge-")
    await window.get_by_text("shop/huge-").first.click()
    await window.get_by_text("would let it run").last.wait_for()
    await window.get_by_text("nodes", exact=False).last.wait_for()
    await shot(window, f"waiting{suffix}")
    await seen("incident", "incidents/shop%2Fnode-03-power", "Deployment/shop/")
    await seen("scaling", "scaling/shop%2Ffrontend", "aimed at 70%")
    await window.locator(".uplot canvas").wait_for()
    await seen("teams", "teams/payments", "forecast 1240.00")
    await seen("whatif", "whatif", "Tried on a copy")
    await seen("audit", "audit", "its power is gone")


async def test_what_people_may_is_done_and_what_they_may_not_is_refused(tmp_path):
    async with dashboard(tmp_path) as shown, browser() as chromium:
        await shop(shown.client)
        async with page(chromium) as window:
            await window.goto(shown.link)
            await window.get_by_role("heading", name="Fleet").wait_for()
            await window.goto(f"{shown.url}/#/fleet/node-01")
            await window.get_by_role("button", name="Cordon", exact=True).click()
            # It comes back live, over the stream.
            await window.get_by_role("button", name="Uncordon").wait_for()
            assert (await shown.client.get(NODES, ObjectKey("", "node-01"))).spec.unschedulable
            await window.goto(f"{shown.url}/#/incidents/shop%2Fnode-03-power")
            await window.get_by_role("button", name="Approve").click()
            await window.get_by_text("Approved by").wait_for()
            found = await shown.client.get(INCIDENTS, ObjectKey("shop", "node-03-power"))
            assert found.metadata.annotations["kubewright.dev/approved-by"] == "system:admin"
        async with page(chromium) as window:
            await window.goto(shown.url)
            await window.get_by_label("Token").fill("made-up")
            await window.get_by_role("button", name="Sign in").click()
            await window.get_by_text("does not know this token").wait_for()
            await shot(window, "sign-in")
            await accessible(window)
            await window.get_by_label("Token").fill(STRANGER)
            await window.keyboard.press("Enter")
            await window.get_by_text("Your account may not see this").wait_for()


async def test_the_keyboard_reaches_everything(tmp_path):
    async with dashboard(tmp_path) as shown, browser() as chromium, page(chromium) as window:
        await shop(shown.client)
        await window.goto(shown.link)
        await window.get_by_role("heading", name="Fleet").wait_for()
        await _typed(window, "ga", window.get_by_text("frontend").first)
        await window.keyboard.press("Control+k")
        await window.keyboard.type("checkout")
        await window.get_by_role("option", name="shop/checkoutservice").wait_for()
        await window.keyboard.press("Enter")
        await window.get_by_role("dialog", name="checkoutservice").wait_for()
        await window.keyboard.press("Escape")
        await window.get_by_role("dialog").wait_for(state="detached")
        await _typed(window, "gf", window.get_by_role("application"))
        await window.get_by_role("application").focus()
        await window.keyboard.press("ArrowRight")
        await window.keyboard.press("Enter")
        await window.get_by_role("dialog", name="node-0").wait_for()


async def _typed(window, keys, shown):
    """Type keys until something is seen: they count once the page listens, and within 1.5 s of each other."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await shown.is_visible():
            for key in keys:
                await window.keyboard.press(key)
            await asyncio.sleep(0.5)


async def test_what_objects_say_is_text_and_nothing_more(tmp_path):
    async with dashboard(tmp_path) as shown, browser() as chromium, page(chromium) as window:
        await shop(shown.client)
        patch = {"status": {"message": HOSTILE, "signals": [HOSTILE], "evidence": ["</script><script>alert(2)"]}}
        await shown.client.patch(INCIDENTS, ObjectKey("shop", "node-03-power"), patch, subresource="status")
        image = {"spec": {"image": '"><script>alert(3)</script>'}}
        await shown.client.patch(APP_SERVICES, ObjectKey("shop", "huge"), image)
        asked = []
        window.on("dialog", lambda dialog: asked.append(dialog.message))
        await window.goto(shown.link)
        await window.goto(f"{shown.url}/#/incidents/shop%2Fnode-03-power")
        await window.get_by_text("<img src=x onerror").first.wait_for()
        assert await window.locator("img[src=x]").count() == 0
        # Nothing runs over the edge of what it stands in.
        assert await window.get_by_role("dialog").evaluate("e => e.scrollWidth <= e.clientWidth")
        await shot(window, "hostile")
        await window.goto(f"{shown.url}/#/apps/shop%2Fhuge")
        await window.get_by_text("<script>alert(3)").first.wait_for()
        await window.goto(f"{shown.url}/#/apps/%E0%A4%A")
        await window.get_by_text("There is no such application").wait_for()
        assert asked == []
