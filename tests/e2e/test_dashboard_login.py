"""Signing in at an OpenID Connect issuer, by Debian's Chromium: there, back, out, and turned away."""

from tests.e2e.dashboards import accessible, browser, needs_browser, page, shot
from tests.issuer import dashboard_with_issuer

pytestmark = needs_browser


async def test_people_sign_in_at_the_issuer_and_see_what_they_may(tmp_path):
    async with dashboard_with_issuer(tmp_path) as (issuer, shown), browser() as chromium, page(chromium) as window:
        await window.goto(f"{shown.url}/#/fleet")
        sign_in = window.get_by_role("link", name="Sign in at localhost")
        await sign_in.wait_for()
        await shot(window, "sign-in-issuer")
        await accessible(window)
        await sign_in.click()
        await window.get_by_text("Your account may not see this").wait_for()
        await window.locator(".who").get_by_text("viewer").wait_for()
        assert "code" not in window.url
        kept = await window.context.cookies()
        assert {(each["name"], each["httpOnly"], each["sameSite"]) for each in kept} == {("kubewright", True, "Strict")}
        assert await window.evaluate("document.cookie") == ""
        await window.get_by_role("button", name="Sign out").click()
        await sign_in.wait_for()
        assert await window.context.cookies() == []
        # Whoever comes back with a token that was asked for by somebody else is told so, and signed in nowhere.
        issuer.claims = {"nonce": "of-another-attempt"}
        await sign_in.click()
        await window.get_by_text("You are not signed in").wait_for()
        assert await window.context.cookies() == []
