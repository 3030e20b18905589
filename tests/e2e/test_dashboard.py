"""The dashboard in Debian's Chromium, over a twin."""

from tests.e2e.dashboards import browser, dashboard, needs_browser, page, shop, shot

pytestmark = needs_browser


async def test_every_screen_shows_the_cluster(tmp_path):
    async with dashboard(tmp_path) as shown, browser() as chromium, page(chromium) as window:
        await shop(shown.client)
        await window.goto(shown.link)
        await window.get_by_role("heading", name="Fleet").wait_for()
        await window.get_by_role("link", name="Applications").click()
        await window.get_by_text("frontend").wait_for()
        await window.locator(".rows .badge.well").nth(10).wait_for()
        await shot(window, "applications")
        await window.get_by_role("button", name="Who calls whom").click()
        await window.get_by_role("button", name="shop/frontend: ready").wait_for()
        await shot(window, "topology")
        await window.get_by_role("button", name="shop/checkoutservice: ready").click()
        await window.get_by_role("dialog").get_by_text("Called by").wait_for()
        await shot(window, "application")
        await window.goto(f"{shown.url}/#/fleet")
        await window.get_by_role("heading", name="Fleet").wait_for()
        await shot(window, "fleet")
        await window.goto(f"{shown.url}/#/fleet/node-01")
        await window.get_by_role("dialog").get_by_text("Kubelet").wait_for()
        await shot(window, "node")
        await window.goto(f"{shown.url}/#/queue")
        await window.get_by_text("shop/huge-").click()
        await window.get_by_role("dialog").get_by_text("What would let it run").wait_for()
        await window.wait_for_timeout(1500)
        await shot(window, "queue")
        await window.goto(f"{shown.url}/#/incidents")
        await window.get_by_text("NodePowerLost").first.click()
        await window.get_by_role("dialog").get_by_text("Rehearsal passed").wait_for()
        await shot(window, "incidents")
