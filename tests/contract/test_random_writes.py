"""Random sequences of writes, good and bad, done to both API servers and compared: answers, objects and events.

It runs where both clusters are asked for. KUBEWRIGHT_SEQUENCES is the number of sequences a kind (a few by default),
KUBEWRIGHT_SEED chooses others; `python -m tests.contract.sequences` searches for longer, without stopping. What was
found so stands as cases in the other files here.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.contract.sequences.draws import sequences
from tests.contract.sequences.kinds import KINDS

SEQUENCES = int(os.environ.get("KUBEWRIGHT_SEQUENCES", "3"))
SEED = int(os.environ.get("KUBEWRIGHT_SEED", "0"))


@pytest.mark.parametrize("kind", list(KINDS))
def test_random_writes_are_answered_alike(pair, kind):
    @seed(SEED)
    @settings(
        max_examples=SEQUENCES,
        phases=[Phase.generate, Phase.shrink],
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(sequences(kinds=st.just((kind,))))
    def compare(steps):
        found = pair.compare(steps)
        assert not found, str(found[0])

    compare()
