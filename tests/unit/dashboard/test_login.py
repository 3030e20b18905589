"""Signing in at an OpenID Connect issuer, with an issuer on loopback; the browser's part is in the tests of screens."""

from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from tests.e2e.dashboards import dashboard
from tests.issuer import CLIENT, dashboard_with_issuer
from tests.unit.dashboard.test_pages import session


@asynccontextmanager
async def signing_in(folder):
    """An issuer, and a browser's place in front of a dashboard that knows it."""
    async with dashboard_with_issuer(folder) as (issuer, shown), session(shown) as http:
        yield issuer, http


async def begun(http):
    """Where a browser is sent to, and what it is asked there."""
    async with http.get("/api/login", allow_redirects=False) as answer:
        assert answer.status == 303
        url = answer.headers["location"]
    return url, {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


async def back(url):
    """Where the issuer sends it back to."""
    async with aiohttp.ClientSession() as elsewhere, elsewhere.get(url, allow_redirects=False) as answer:
        return urlsplit(answer.headers["location"])


async def came_back(http, at):
    """What somebody is told who comes back."""
    async with http.get(f"{at.path}?{at.query}", allow_redirects=False) as answer:
        return answer.status, await answer.text()


async def test_who_signs_in_at_the_issuer_is_who_the_cluster_says_the_token_is_of(tmp_path):
    async with signing_in(tmp_path) as (_, http):
        async with http.get("/api/ways") as answer:
            assert await answer.json() == {"tokens": True, "issuer": "localhost"}
        url, asked = await begun(http)
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        returned = await back(url)
        status, _ = await came_back(http, returned)
        assert status == 303
        async with http.get("/api/me") as answer:
            assert (await answer.json())["name"] == "viewer"
        cookies = {cookie.key: cookie for cookie in http.cookie_jar}
        assert set(cookies) == {"kubewright"}
        assert cookies["kubewright"]["samesite"] == "strict"
        assert cookies["kubewright"]["httponly"]
        status, text = await came_back(http, returned)
        assert (status, "not begun here" in text) == (401, True)


async def test_an_answer_that_was_not_asked_for_signs_nobody_in(tmp_path):
    async with signing_in(tmp_path) as (_, http):
        url, _ = await begun(http)
        returned = await back(url)
        for query in ("", "code=code-0", "code=code-0&state=made-up", "state=%FF"):
            await begun(http)
            status, text = await came_back(http, returned._replace(query=query))
            assert (status, "not to what was asked" in text) == (401, True)
        await begun(http)  # a sign-in of one's own does not take the answer to somebody else's
        status, _ = await came_back(http, returned)
        assert status == 401
        async with http.get("/api/me") as answer:
            assert answer.status == 401


@pytest.mark.parametrize(
    "claims",
    [{"iss": "https://elsewhere.example"}, {"aud": "another"}, {"nonce": "old"}, {"exp": 1}, {"aud": ["a", "b"]}],
    ids=["of another issuer", "for another client", "of another sign-in", "over", "for others"],
)
async def test_a_token_that_is_not_for_this_sign_in_is_refused(tmp_path, claims):
    async with signing_in(tmp_path) as (issuer, http):
        issuer.claims = claims
        url, _ = await begun(http)
        status, text = await came_back(http, await back(url))
        assert (status, text.startswith("You are not signed in: the id token")) == (401, True)
        async with http.get("/api/me") as answer:
            assert answer.status == 401


async def test_an_issuer_that_refuses_is_quoted_and_one_that_is_away_is_said_to_be(tmp_path):
    async with signing_in(tmp_path) as (issuer, http):
        _, asked = await begun(http)
        refusal = f"error=access_denied&error_description=not+on+the+list&state={asked['state']}"
        returned = urlsplit(f"/api/login/back?{refusal}")
        assert await came_back(http, returned) == (401, "You are not signed in: the issuer refused: not on the list\n")
        known = issuer.url
        issuer.url = "nowhere"
        async with http.get("/api/login", allow_redirects=False) as answer:
            assert answer.status == 503
            assert known not in await answer.text()


async def test_without_an_issuer_there_is_no_such_way(tmp_path):
    async with dashboard(tmp_path) as shown, session(shown) as http:
        async with http.get("/api/login", allow_redirects=False) as answer:
            assert answer.status == 404
        async with http.get("/api/ways") as answer:
            assert await answer.json() == {"tokens": True, "issuer": ""}
