"""Drills are data that fit together: each can be made, told apart, and judged."""

import pytest

from kubewright.drills.catalogue import DRILLS
from kubewright.drills.drill import Outcome
from kubewright.drills.ledger import Ledger
from kubewright.drills.report import passed, verdict
from kubewright.drills.usual import DB
from kubewright.healing.catalogue import CAUSES
from kubewright.twin.kinds import KindTable

CONTROLS = [each for each in DRILLS.values() if each.is_control]
FAULTS = [each for each in DRILLS.values() if not each.is_control]


def test_there_are_many_faults_and_many_that_only_look_like_some():
    assert len(FAULTS) >= 40
    assert len(CONTROLS) >= 10


@pytest.mark.parametrize("drill", FAULTS, ids=lambda drill: drill.name)
def test_the_answer_to_each_drill_is_in_the_catalogue(drill):
    is_known = bool({each.name for each in CAUSES} & set(drill.causes))
    assert is_known


def test_a_drill_that_harms_nobody_breaks_what_is_its_own_alone():
    for each in DRILLS.values():
        written = [step.manifest for step in each.steps if not callable(step.manifest)]
        if each.harmless:
            assert len(written) == len(each.steps)
            # No Fault among them: what is changed breaks it, by itself or by what simulated kubelets are told.
            assert {manifest["kind"] for manifest in written} <= {"Deployment", "Service", "NetworkPolicy", "ConfigMap"}
            # On a real cluster nothing is made that needs a volume.
            assert DB not in {manifest["metadata"]["name"] for manifest in written}
            assert all(manifest["metadata"].get("namespace") == "drill" for manifest in written)


def test_an_outcome_is_judged_by_service_proof_and_what_was_touched():
    fault, control = FAULTS[0], CONTROLS[0]
    assert not passed(Outcome(fault, hurt=True))
    assert verdict(Outcome(fault, hurt=True, escalated=5.0)) == "told a person"
    mended = Outcome(fault, hurt=True, restored=30.0, well=True, verified=40.0)
    assert (verdict(mended), passed(mended)) == ("mended", True)
    assert not passed(Outcome(fault, hurt=True, restored=30.0, well=True, strangers={"Pod/shop/web"}))
    assert passed(Outcome(control, well=True))
    assert not passed(Outcome(control, well=True, actions=["Pod/drill/web-1"]))


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/namespaces/drill/pods/web-1/eviction", "Pod/drill/web-1"),
        ("/api/v1/nodes/node-01", "Node/node-01"),
        ("/apis/apps/v1/namespaces/drill/deployments/web", "Deployment/drill/web"),
        ("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/a", ""),
    ],
)
def test_the_ledger_reads_what_a_request_is_about(path, target):
    assert Ledger(None, KindTable.builtin()).target(path) == target
