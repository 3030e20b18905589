"""What was found out about a document is found again by its bytes, in bounded memory."""

from kubewright.api.meta import ObjectKey
from kubewright.store.history import Record
from kubewright.store.seen import Seen


def test_a_document_is_found_under_what_it_is():
    seen = Seen()
    seen.put("Pod", b"{}", 1)
    assert (seen.get("Pod", b"{}"), seen.get("Job", b"{}"), seen.get("Pod", b"[]")) == (1, None, None)


def test_what_is_full_begins_anew():
    seen = Seen(max_entries=2, max_bytes=100)
    for number in range(3):
        seen.put("Pod", b"%d" % number, number)
    assert [seen.get("Pod", b"%d" % number) for number in range(3)] == [None, None, 2]
    seen.put("Pod", bytes(100), 3)
    assert (seen.get("Pod", b"2"), seen.get("Pod", bytes(100))) == (None, 3)


def test_a_large_document_is_not_kept():
    seen = Seen()
    seen.put("Pod", bytes(100_000), 1)
    assert seen.get("Pod", bytes(100_000)) is None


def test_a_record_that_has_gone_cold_has_the_same_document():
    document = {"metadata": {"name": "a"}, "spec": {"ratio": 1.0, "on": True, "none": None}}
    record = Record(ObjectKey("", "a"), document, 7)
    encoded = record.encoded
    record.cool()
    assert record.obj == document
    assert record.obj["spec"]["on"] is True
    assert record.encoded == encoded
