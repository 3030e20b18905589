"""A chain tells what was changed, removed, inserted or reordered, and where."""

from __future__ import annotations

import copy

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kubewright.api.crds.auditrecord import Checkpoint, Entry, record_key
from kubewright.api.plan import Announce, Plan
from kubewright.api.secrecy import redacted
from kubewright.audit.chain import Named, link, noted, verify
from kubewright.audit.entries import entry, kept, of_plan

KEY = Ed25519PrivateKey.generate()

CUT = ": the end was cut off, the log went on until t"


def chain(count=5, key=None, checkpoint=None):
    found, previous = [], ""
    for number in range(1, count + 1):
        entries = (Entry(id=f"e{number}", at="2027-01-01T00:00:00Z", who="healing", about=f"Node/n{number}"),)
        sealed = checkpoint if number == count else None
        spec = link(number, previous, "healing", "2027-01-01T00:00:00Z", entries, checkpoint=sealed, key=key)
        previous = spec["hash"]
        found.append(Named(record_key(number).name, spec))
    return found


def said(found, **rest):
    return [str(each) for each in verify(found, **rest).findings]


def changed(found, at, **fields):
    found = copy.deepcopy(found)
    found[at].spec["entries"][0].update(fields)
    return found


def test_what_nobody_touched_is_intact():
    verdict = verify(chain())
    assert (verdict.records, verdict.entries, verdict.first, verdict.last, verdict.findings) == (5, 5, 1, 5, ())
    assert verify([]).findings == ()


def test_a_changed_entry_is_found():
    assert said(changed(chain(), 2, why="another")) == ["record 3: changed: its content is not what its hash says"]


@pytest.mark.parametrize("entries", [None, 3, "text", ["text"], [{"id": [], "kind": "Intended", "of": {}}]])
def test_whatever_stands_in_the_place_of_entries_is_found(entries):
    found = chain()
    found[2].spec["entries"] = entries
    assert said(found) == ["record 3: changed: its content is not what its hash says"]


def test_a_record_that_was_written_anew_does_not_carry_those_after_it():
    found = chain()
    forged = link(3, found[1].spec["hash"], "healing", "2027-01-01T00:00:00Z", ())
    found[2] = Named(found[2].name, forged)
    assert said(found) == ["record 4: does not continue record 3: one of them was replaced or inserted"]


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        ([0, 1, 3, 4], "record 3: removed: 3"),
        ([0, 4], "record 2: removed: 2 to 4"),
        ([2, 3, 4], "record 3: removed: what was before it is gone, and no checkpoint says so (1 to 2)"),
        ([0, 1, 3, 2, 4], "record 3: reordered: it comes after record 4"),
        ([0, 1, 1, 2, 3, 4], "record 2: inserted: there are two of this place"),
    ],
)
def test_removed_reordered_and_inserted_records_are_found(left, expected):
    found = chain()
    assert expected in said([found[at] for at in left])


def test_a_record_under_another_name_is_found():
    found = chain()
    assert said([*found[:-1], Named("record-000000000009", found[-1].spec)]) == [
        "record 5: the object is called record-000000000009: moved or inserted"
    ]


def test_an_end_that_was_cut_off_is_found_by_a_hash_that_was_noted():
    found = chain()
    assert not said(found, head=found[2].spec["hash"])
    assert "the end was cut off" in said(found[:3], head=found[4].spec["hash"])[0]


def test_what_a_checkpoint_covers_may_be_gone_and_no_more():
    whole = chain(3)
    found = chain(5, checkpoint=Checkpoint(3, whole[2].spec["hash"]))
    assert not said(found[3:])
    assert not said(found[2:])
    assert not said(found[1:])
    assert said(found[4:])
    assert said(chain(5, checkpoint=Checkpoint(3, "0" * 64))[3:])


def test_signatures_are_by_the_one_key():
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    assert not said(chain(key=key), key=key.public_key())
    assert said(chain(2, key=other), key=key.public_key()) == [
        "record 1: not signed by the key",
        "record 2: not signed by the key",
    ]
    assert said(chain(1), key=key.public_key()) == ["record 1: not signed by the key"]


def test_intentions_without_an_outcome_are_told():
    entries = (Entry(id="a", kind="Intended"), Entry(id="b", kind="Intended"), Entry(id="c", kind="Done", of="a"))
    spec = link(1, "", "healing", "2027-01-01T00:00:00Z", entries)
    assert verify([Named("", spec)]).open == ("b",)


@pytest.mark.parametrize(
    "secret",
    [
        "Authorization: Bearer abcdefgh12345678",
        "password=hunter22",
        'env DB_PASSWORD: "hunter22"',
        "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl",
        "postgres://app:hunter22@db/app",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIhunter22\n-----END RSA PRIVATE KEY-----",
        "AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_no_secret_is_kept(secret):
    found = kept(
        entry("me", "Pod/a/b", secret, actions=[secret], outcome=secret, details={"seen": secret, "token": "x1"})
    )
    whole = str(found)
    for part in ("abcdefgh12345678", "hunter22", "c2lnbmF0dXJl", "AKIAIOSFODNN7EXAMPLE", "x1"):
        assert part not in whole
    assert "[redacted]" in redacted(secret)


def test_ordinary_texts_are_kept_as_they_are():
    for text in ("evict Pod/shop/token-service-1", "4 of 10 nodes of eu-1 are out: see https://runbooks.example.com/a"):
        assert redacted(text) == text


def test_entries_are_bounded():
    plan = Plan(tuple(Announce("Normal", "Said", f"{number}") for number in range(100)), "w" * 5000)
    found = kept(of_plan("me", "Node/n", plan))
    assert len(found.actions) == 64
    assert found.actions[-1] == "and 37 more"
    assert len(found.why) == 1024


@pytest.mark.parametrize(
    ("what", "found", "expected"),
    [
        ("as far as noted", lambda whole: whole, []),
        ("further than noted", lambda whole: chain(7, KEY), []),
        (
            "cut off",
            lambda whole: whole[:2],
            [f"record 3: removed: 3 to 5{CUT}"],
        ),
        ("all gone", lambda _: [], [f"record 1: removed: 1 to 5{CUT}"]),
    ],
)
def test_a_note_tells_of_an_end_that_was_cut_off(what, found, expected):
    whole = chain(5, KEY)
    assert said(found(whole), key=KEY.public_key(), note=noted(whole[-1], "t", KEY)) == expected, what


def test_a_note_that_somebody_else_wrote_is_told():
    whole = chain(5, KEY)
    forged = noted(whole[2], "t", Ed25519PrivateKey.generate())
    assert said(whole, key=KEY.public_key(), note=forged) == [
        "record 3: the note of how far the log went is not signed by the key"
    ]
