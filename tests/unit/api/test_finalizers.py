import msgspec

from kubewright.api.finalizers import hold, is_going, let_go
from kubewright.api.plan import SetFinalizers
from tests.seeded.widget import WIDGETS, widget


def with_metadata(**fields):
    obj = widget()
    return msgspec.structs.replace(obj, metadata=msgspec.structs.replace(obj.metadata, **fields))


def test_a_finalizer_is_added_once_beside_others_and_only_to_the_version_that_was_read():
    obj = with_metadata(finalizers=("other/one",))
    assert hold(obj, WIDGETS, "ours") == (SetFinalizers(WIDGETS, obj.key, "7", ("other/one", "ours")),)
    assert hold(with_metadata(finalizers=("ours",)), WIDGETS, "ours") == ()


def test_nothing_is_added_to_an_object_that_is_going():
    going = with_metadata(deletion_timestamp="2030-01-01T00:00:00Z")
    assert is_going(going)
    assert hold(going, WIDGETS, "ours") == ()


def test_letting_go_leaves_the_others():
    obj = with_metadata(finalizers=("a", "ours", "b"))
    assert let_go(obj, WIDGETS, "ours") == (SetFinalizers(WIDGETS, obj.key, "7", ("a", "b")),)
    assert let_go(with_metadata(), WIDGETS, "ours") == ()
