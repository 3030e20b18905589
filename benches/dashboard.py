"""The dashboard in Debian's Chromium: first useful paint, interactions, how soon a change shows, what idling costs.

`python -m benches.dashboard [--nodes 500 --pods 25000]`. A twin's API server holds the nodes and pods, without
kubelets: they stand still, as most of a large cluster does within a minute. Everything is on this machine.
`--steady 60` asks another question: whether the page's heap stays as it is for so many minutes, while a node and two
pods change each second and somebody goes from screen to screen.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import time

from benches.report import Result, report, result
from benches.standing import fill, pod
from kubewright.api.core import NODES, PODS
from kubewright.api.meta import ObjectKey
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.clock import Clock
from kubewright.dashboard.service import Dashboard
from kubewright.dashboard.serving import Serving
from kubewright.runtime.serving import listen
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer
from tests.e2e.dashboards import OWNER, browser

RUNS = 5
VIEWERS = 10
IDLE_SECONDS = 20.0
SCREENS = ("fleet", "applications", "queue", "incidents", "scaling", "teams", "whatif", "audit")
SCREEN_SECONDS = 5
STEADY = 1.1
"""How much larger the heap may be in the last tenth of a long look than in the first."""
PAINTED = """() => new Promise(done => { const look = () => document.querySelector('.heat canvas')?.height > 200
  ? requestAnimationFrame(() => done(performance.now())) : setTimeout(look, 5); look(); })"""
PRESSED = """name => new Promise(done => { const button = [...document.querySelectorAll('.segments button')]
  .find(each => each.textContent === name); const from = performance.now(); button.click();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - from))); })"""
FILTERED = """text => new Promise(done => { const field = document.querySelector('[data-find]'); field.value = text;
  const from = performance.now(); field.dispatchEvent(new Event('input', {bubbles: true}));
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - from))); })"""


async def measure(nodes: int, pods: int, steady: int) -> list[Result]:
    """Fill a cluster, look at it, for `steady` minutes if they are given, and return what was measured."""
    client = RestClient(InProcessTransport(ApiServer(Clock.wall(), KindTable.builtin())))
    await fill(client, nodes, pods)
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    shown = Dashboard(client, Clock.wall(), Serving(lambda: listener, b"a key of the benchmark", owner_key=OWNER))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(shown.run())
        while not shown.synced:  # noqa: ASYNC110  many caches make it so
            await asyncio.sleep(0.05)
        try:
            if steady:
                return await look_long(client, url, nodes, pods, steady)
            return await look(client, url, f"{nodes} nodes, {pods} pods")
        finally:
            running.cancel()


async def look(client: RestClient, url: str, size: str) -> list[Result]:
    """Measure in the browser."""
    async with browser() as chromium:
        context = await chromium.new_context(viewport={"width": 1440, "height": 900})
        window = await context.new_page()
        wire = await context.new_cdp_session(window)
        await window.goto(f"{url}/#key={OWNER}")
        await window.locator(".heat canvas").wait_for()
        paints: list[float] = []
        for _ in range(RUNS):
            await window.goto("about:blank")
            await window.goto(f"{url}/#/fleet", wait_until="commit")
            paints.append(await window.evaluate(PAINTED))
        names = ("Memory", "Pods", "CPU", "Table", "Map")
        presses = [await window.evaluate(PRESSED, name) for name in names for _ in range(3)]
        filters = [await window.evaluate(FILTERED, text) for text in ("node-01", "zone-a", "")]
        changes = [await change(client, window, number) for number in range(RUNS)]
        for _ in range(VIEWERS - 1):
            # A browser of its own each: one has at most six connections to a server.
            other = await (await chromium.new_context()).new_page()
            await other.goto(f"{url}/#key={OWNER}", wait_until="commit")
            await other.locator(".heat canvas").wait_for()
        received: list[float] = []
        await wire.send("Network.enable")
        wire.on("Network.dataReceived", lambda told: received.append(told["dataLength"]))
        begun, spent = time.monotonic(), time.process_time()
        await asyncio.sleep(IDLE_SECONDS)
        lasted = time.monotonic() - begun
        share = 100 * (time.process_time() - spent) / lasted
        await window.evaluate("() => 0")
        heap = (await wire.send("Runtime.getHeapUsage"))["usedSize"] / 1e6
    return [
        result(f"first useful paint ({size})", "ms", paints, goal=500, less_is_better=True),
        result("an interaction, until it is drawn", "ms", presses + filters, goal=50, less_is_better=True),
        result("the slowest interaction", "ms", [max(presses + filters)], goal=50, less_is_better=True),
        result("a change, until it is on the screen", "ms", changes, goal=1000, less_is_better=True),
        result("received in an idle minute", "MB", [sum(received) / 1e6 * 60 / lasted], goal=1, less_is_better=True),
        result(f"server and API server, {VIEWERS} viewers", "% of a core", [share], goal=10, less_is_better=True),
        result("heap of the page", "MB", [heap]),
    ]


async def look_long(client: RestClient, url: str, nodes: int, pods: int, minutes: int) -> list[Result]:
    """Go from screen to screen while the cluster changes, and weigh the page's heap once a minute, without garbage."""
    heaps: list[float] = []
    async with browser() as chromium:
        window = await (await chromium.new_context(viewport={"width": 1440, "height": 900})).new_page()
        wire = await window.context.new_cdp_session(window)
        await window.goto(f"{url}/#key={OWNER}")
        await window.locator(".heat canvas").wait_for()
        begun, screens = time.monotonic(), itertools.cycle(SCREENS)
        for second in range(minutes * 60):
            await asyncio.sleep(max(0.0, begun + second - time.monotonic()))
            await stir(client, second, nodes, pods)
            if second % SCREEN_SECONDS == 0:
                await window.evaluate("screen => { location.hash = `#/${screen}` }", next(screens))
            if second % 60 == 59:
                await wire.send("HeapProfiler.collectGarbage")
                heaps.append((await wire.send("Runtime.getHeapUsage"))["usedSize"] / 1e6)
    tenth = max(len(heaps) // 10, 1)
    grown = statistics.median(heaps[-tenth:]) / statistics.median(heaps[:tenth])
    size = f"{nodes} nodes, {pods} pods, {minutes} minutes"
    return [
        result(f"heap of the page, last tenth over first ({size})", "x", [grown], goal=STEADY, less_is_better=True),
        result("heap of the page, each minute", "MB", heaps),
    ]


async def stir(client: RestClient, second: int, nodes: int, pods: int) -> None:
    """Cordon or uncordon the next node, and replace a pod by another."""
    closed = {"spec": {"unschedulable": second // nodes % 2 == 0}}
    await client.patch(NODES, ObjectKey("", f"node-{second % nodes:04d}"), closed)
    await client.delete(PODS, ObjectKey("default", f"pod-{second:06d}"), grace_period_seconds=0)
    await client.create(PODS, pod(pods + second, nodes), namespace="default")


async def change(client: RestClient, window: object, number: int) -> float:
    """Cordon a node, and return how many milliseconds pass until the tile says so."""
    begun = time.monotonic()
    await client.patch(NODES, ObjectKey("", f"node-{number:04d}"), {"spec": {"unschedulable": True}})
    await window.get_by_text(f"{number + 1} cordoned").wait_for()  # type: ignore[attr-defined]
    return 1000 * (time.monotonic() - begun)


def main() -> None:
    """Measure and report."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--nodes", type=int, default=500)
    options.add_argument("--pods", type=int, default=25_000)
    options.add_argument("--steady", type=int, default=0, metavar="MINUTES", help="only weigh the page, for so long")
    asked = options.parse_args()
    report("dashboard", asyncio.run(measure(asked.nodes, asked.pods, asked.steady)))


if __name__ == "__main__":
    main()
