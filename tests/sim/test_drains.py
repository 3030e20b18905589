"""A node that has to be emptied, with a pod that a budget never lets go: the others leave, it goes at the deadline."""

import asyncio

from kubewright.api.policy import POD_DISRUPTION_BUDGETS
from kubewright.audit.chain import verify
from kubewright.audit.files import read_cluster
from tests.sim.build import run
from tests.sim.faulty import inject
from tests.sim.test_healing import healing, incidents, policy

DEADLINE_SECONDS = 120
PATIENCE_SECONDS = 240


def test_one_pod_that_may_never_go_holds_up_no_other_and_goes_at_the_deadline():
    async def scenario(day):
        await policy(day)
        for name, replicas in (("kept", 2), ("free", 4)):
            await day.deploy(name, replicas=replicas)
            await day.until_complete(name)
        spec = {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "kept"}}}
        budget = {"metadata": {"name": "kept", "namespace": "default"}, "spec": spec}
        await day.create(POD_DISRUPTION_BUDGETS, budget)
        node = (await day.pods("kept"))[0].spec.node_name

        async def there(name):
            pods = await day.pods(name)
            return [each for each in pods if each.spec.node_name == node and not each.is_terminating]

        async def left(*names):
            return not any([await there(name) for name in names])

        assert await there("free"), "or nothing is held up"
        async with healing(day):
            await inject(day, "disk", "DiskFailing", {"nodes": {"names": [node]}})
            began = day.twin.clock.now()
            await day.until(lambda: left("free"), DEADLINE_SECONDS // 2)
            assert await there("kept")
            (incident,) = await incidents(day)
            assert "may not go by its PodDisruptionBudget" in incident.status.message
            await day.until(lambda: left("kept"), PATIENCE_SECONDS)
            assert day.twin.clock.now() - began >= DEADLINE_SECONDS
            await asyncio.sleep(10)
        records = await read_cluster(day.client)
        assert verify(records).findings == ()
        whys = [each["why"] for record in records for each in record.spec["entries"]]
        assert any("budgets that can never be met keep 1 pods" in each for each in whys)

    run(scenario)
