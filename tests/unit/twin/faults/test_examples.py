"""The examples are what the kind takes."""

from pathlib import Path

import yaml

from kubewright.clock import Clock, run_virtual
from kubewright.twin.cluster import Twin
from kubewright.twin.faults.fault import FAULTS

EXAMPLES = sorted((Path(__file__).parents[4] / "examples" / "faults").glob("*.yaml"))


def test_every_example_is_accepted_as_it_is():
    async def main():
        async with Twin(Clock.virtual(), nodes=1) as twin:
            for path in EXAMPLES:
                manifest = yaml.safe_load(path.read_text())
                made = await twin.client().create(FAULTS, manifest, dry_run=True)
                assert made.metadata.name == path.stem

    assert len(EXAMPLES) >= 5
    run_virtual(main())
