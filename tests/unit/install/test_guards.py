"""What speaks against an installation is said before anything is written."""

import pytest

from kubewright.api.live import LiveObject
from kubewright.api.meta import ObjectMeta
from kubewright.errors import ErrorKind, OpError
from kubewright.install import guards
from kubewright.install.kinds import INSTALLER, MANAGED_BY, PLACE, RUNNING
from kubewright.install.record import INSTALLED, Record, understood
from kubewright.install.settings import Settings


def labelled(**labels):
    return LiveObject(metadata=ObjectMeta(name="kubewright-gpu", namespace="here", labels=labels))


def test_a_cluster_that_is_too_old_is_told_so():
    guards.check_server({"major": "1", "minor": "32+"})
    with pytest.raises(OpError, match=r"1\.32 or newer is needed, this is v1\.29"):
        guards.check_server({"major": "1", "minor": "29", "gitVersion": "v1.29.3"})
    with pytest.raises(OpError, match="unknown"):
        guards.check_server({})


def test_a_newer_release_is_only_gone_back_from_by_will():
    newer = Record(Settings(version="9.0.0"), INSTALLED)
    with pytest.raises(OpError, match="--downgrade") as refused:
        guards.check_release(newer, "0.1.0", downgrade=False)
    assert refused.value.kind is ErrorKind.CONFLICT
    guards.check_release(newer, "0.1.0", downgrade=True)
    guards.check_release(None, "0.1.0", downgrade=False)


def test_what_another_installer_keeps_is_not_taken():
    ours = labelled(**{MANAGED_BY: INSTALLER, PLACE: "here"})
    guards.check_holders([(RUNNING, ours), (RUNNING, labelled())], "here", INSTALLER)
    with pytest.raises(OpError, match="Helm keeps it"):
        guards.check_holders([(RUNNING, labelled(**{MANAGED_BY: "Helm"}))], "here", INSTALLER)
    with pytest.raises(OpError, match="belongs to the installation in there"):
        guards.check_holders([(RUNNING, labelled(**{MANAGED_BY: INSTALLER, PLACE: "there"}))], "here", INSTALLER)


def test_a_definition_that_does_not_know_what_is_stored_is_refused():
    live = LiveObject(metadata=ObjectMeta(name="teams.kubewright.dev"), status={"storedVersions": ["v1", "v1alpha1"]})
    guards.check_stored(live, {"spec": {"versions": [{"name": "v1"}, {"name": "v1alpha1"}]}})
    with pytest.raises(OpError, match="objects may be stored as v1, "):
        guards.check_stored(live, {"spec": {"versions": [{"name": "v1alpha1"}]}})


def test_a_record_of_another_release_is_read_as_far_as_it_is_known():
    data = {"phase": "Installing", "version": "9.1.0", "settings": '{"replicas": 3, "colour": "blue"}'}
    read = understood(LiveObject(data=data))
    assert (read.phase, read.settings.version, read.settings.replicas) == ("Installing", "9.1.0", 3)
    with pytest.raises(OpError, match="delete it, and install again"):
        understood(LiveObject(data={"settings": "{"}))
