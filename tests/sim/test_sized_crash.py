"""The platform is killed at the writes of a release that takes sizes: it has them once, and they are not forgotten."""

import asyncio
import contextlib

import pytest

from kubewright.api.apps import REPLICA_SETS
from kubewright.api.crds.containersize import SizePlace
from kubewright.api.crds.sizepolicy import SIZE_POLICIES
from kubewright.api.quantity import milli
from kubewright.clock import Clock, run_virtual
from kubewright.twin.cluster import Twin
from kubewright.workloads.rollout.releases import release_label
from kubewright.workloads.rollout.sizes import amounts
from tests.sim.releases import WEB, Shop
from tests.sim.test_rollout_crash import KILLED_AFTER_SECONDS, NEXT, STEPS, platform
from tests.sim.test_size_policies import policy
from tests.sim.test_sized_releases import ASKED

FIRST, LATER = 700, 500
CPU = SizePlace("app", "cpu")


async def offer(shop, cpu):
    """Let the policy have so many thousandths of a core for the next release."""
    size = {"container": "app", "resource": "cpu", "request": f"{cpu}m", "limit": f"{2 * cpu}m"}
    status = {"observedGeneration": 1, "next": [size]}
    await shop.client.patch(SIZE_POLICIES, WEB, {"status": status}, subresource="status")


async def releases(shop):
    """Return what each release that pods were made of requests of cpu."""
    sets = (await shop.client.list(REPLICA_SETS, namespace="default")).items
    templates = [each.spec.template for each in sets]
    return {release_label(template): milli(amounts(template)[CPU].request) for template in templates}


def life(**death):
    """Change the image under a platform that dies, and then the offer; return the death, and what the next one does."""

    async def day():
        clock = Clock.virtual()
        async with Twin(clock, nodes=2) as twin, asyncio.TaskGroup() as tasks:
            shop = Shop(twin, {})
            acting = tasks.create_task(shop.annotate())
            async with platform(twin):
                await shop.create(replicas=2, rollout=STEPS, resources=ASKED)
                await shop.client.create(SIZE_POLICIES, policy(by="nextRelease"))
                await offer(shop, FIRST)
            async with platform(twin, **death) as dying:
                await shop.change(image=NEXT)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(KILLED_AFTER_SECONDS):
                        await dying.killed.wait()
            remembered = (await shop.state()).sized
            await offer(shop, LATER)
            async with platform(twin):
                state = await shop.until(lambda state: state.phase == "Verifying", 300)
                await asyncio.sleep(60)
                pods = [milli(pod.spec.containers[0].resources.requests["cpu"]) for pod in await shop.pods()]
                found = await shop.state(), pods, await releases(shop)
            acting.cancel()
            return remembered, state, *found

    return run_virtual(day())


KILLS = [(1, False), (1, True), (2, False), (2, True), (4, True), (7, False)]
"""The first write remembers the sizes, the second makes the trial, the seventh lets it take over."""


@pytest.mark.parametrize(("at", "answer_lost"), KILLS)
def test_killed_at_a_write_the_release_has_one_size_and_the_next_platform_knows_it(at, answer_lost):
    remembered, began, state, pods, requests = life(at=at, answer_lost=answer_lost)
    # Whoever died before it was written down had made nothing yet, so that the offer of now is taken.
    assert bool(remembered) is ((at, answer_lost) != (1, False))
    size = FIRST if remembered else LATER
    assert pods == [size, size]
    assert sorted(requests.values()) == sorted([size, 1000])
    [sized] = state.sized
    assert (sized.release, [each.request for each in sized.sizes]) == (state.release, [f"{size}m"])
    assert requests[state.release] == size
    assert began.sized == state.sized
