"""What was measured, asked for over HTTP: by whom, of what, and how often the store is troubled."""

import asyncio

from kubewright.api.core import NAMESPACES
from kubewright.dashboard import measured
from kubewright.series.protocol import Missing, Series, Why
from tests.e2e.dashboards import OWNER, VIEWER, dashboard, teams_and_policies
from tests.unit.dashboard.test_pages import letting_view, session

PATHS = ("apps/shop/frontend", "scaling/shop/frontend", "recorded/shop/frontend", "teams/payments")


class Counting:
    """A store that takes its time, and counts who asks."""

    def __init__(self):
        self.asked = 0

    async def instant(self, query):
        del query
        return Missing(Why.UNAVAILABLE)

    async def range(self, query, span):
        self.asked += 1
        await asyncio.sleep(0.05)
        points = ((span.start, 2.0), (span.end, 3.0))
        return (Series({"namespace": "shop", "pod": "frontend-7d4b9-aaaaa"}, points),)


async def test_only_who_may_look_at_an_object_is_told_what_was_measured_of_it(tmp_path):
    store = Counting()
    async with dashboard(tmp_path, measured_by=lambda _: store) as shown:
        await letting_view(shown.client)
        async with session(shown) as http:
            for path in (*PATHS, "traffic"):
                async with http.get(f"/api/measured/{path}") as answer:
                    assert answer.status == 401
        async with session(shown, token=VIEWER) as http:
            for path in PATHS:
                async with http.get(f"/api/measured/{path}") as answer:
                    assert answer.status == 403, path
            async with http.get("/api/measured/traffic") as answer:
                assert (await answer.json()).get("apps", []) == []
    assert store.asked == 0


async def test_many_who_look_at_the_same_trouble_the_store_once(tmp_path, monkeypatch):
    monkeypatch.setattr(measured, "FRESH_SECONDS", 3600.0)  # on a slow machine they come one long after the other
    store = Counting()
    async with dashboard(tmp_path, measured_by=lambda _: store) as shown:
        await shown.client.create(NAMESPACES, {"metadata": {"name": "shop"}})
        await teams_and_policies(shown.client)
        async with session(shown, key=OWNER) as http:

            async def load():
                async with http.get("/api/measured/scaling/shop/frontend?hours=6") as answer:
                    return answer.status, await answer.json()

            async with asyncio.timeout(30):
                while (await load())[0] == 404:  # noqa: ASYNC110  until the policy is seen
                    await asyncio.sleep(0.05)
            first, *others = await asyncio.gather(*(load() for _ in range(5)))
            assert others == [first] * 4
            assert store.asked == 3  # a series for the load, what is wanted, and the forecast
            assert first[1]["lines"][0]["values"][-1] == 3.0
            async with http.get("/api/measured/recorded/shop/frontend?hours=1") as answer:
                assert answer.headers["content-type"].startswith("text/csv")
                rows = (await answer.text()).splitlines()
            assert rows[0] == "time,requests"
            assert [row.split(",")[1] for row in rows[1:]] == ["120", "180"]
            async with http.get("/api/measured/teams/payments") as answer:
                told = await answer.json()
            assert told["missing_use"] == "the source did not answer"
            async with http.get("/api/measured/teams/nobody") as answer:
                assert answer.status == 404
            for hours in ("0", "169", "-1", "x", "1e3"):
                async with http.get(f"/api/measured/scaling/shop/frontend?hours={hours}") as answer:
                    assert answer.status == 422
            async with http.get("/api/me") as answer:
                assert (await answer.json())["measured"]


async def test_without_a_store_nothing_is_asked_for(tmp_path):
    async with dashboard(tmp_path) as shown, session(shown, key=OWNER) as http:
        async with http.get("/api/me") as answer:
            assert not (await answer.json())["measured"]
        async with http.get("/api/measured/traffic") as answer:
            assert answer.status == 404
