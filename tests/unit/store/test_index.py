from dataclasses import dataclass

import pytest

from kubewright.api.meta import ObjectKey
from kubewright.store.index import Index


@dataclass(frozen=True)
class Thing:
    name: str
    node: str = ""
    tags: tuple[str, ...] = ()

    @property
    def key(self):
        return ObjectKey("ns", self.name)


def make_index(*things):
    index = Index[Thing]({"node": lambda t: (t.node,) if t.node else (), "tag": lambda t: t.tags})
    for thing in things:
        index.put(thing.key, thing)
    return index


def test_an_object_is_found_by_key_until_it_is_removed():
    a = Thing("a")
    index = make_index(a)
    assert index.get(a.key) is a
    assert a.key in index
    assert len(index) == 1
    assert index.remove(a.key) is a
    assert index.get(a.key) is None
    assert a.key not in index
    assert index.remove(a.key) is None


def test_put_returns_the_object_it_replaces():
    index = make_index()
    assert index.put(Thing("a").key, Thing("a", "n1")) is None
    assert index.put(Thing("a").key, Thing("a", "n2")) == Thing("a", "n1")


def test_an_object_moves_with_its_indexed_value():
    index = make_index(Thing("a", "n1"), Thing("b", "n1"))
    index.put(Thing("a").key, Thing("a", "n2"))
    assert index.by("node", "n1") == [Thing("b", "n1")]
    assert index.by("node", "n2") == [Thing("a", "n2")]


def test_an_object_without_a_value_is_under_none():
    index = make_index(Thing("a", "n1"))
    index.put(Thing("a").key, Thing("a"))
    assert index.by("node", "n1") == []
    assert index.by("node", "") == []


def test_an_object_is_found_under_each_of_several_values():
    index = make_index(Thing("a", tags=("x", "y")), Thing("b", tags=("y",)))
    assert [t.name for t in index.by("tag", "y")] == ["a", "b"]
    index.put(Thing("a").key, Thing("a", tags=("x",)))
    assert [t.name for t in index.by("tag", "y")] == ["b"]
    assert [t.name for t in index.by("tag", "x")] == ["a"]


def test_a_removed_object_leaves_its_indexes():
    index = make_index(Thing("a", "n1", ("x",)))
    index.remove(Thing("a").key)
    assert index.by("node", "n1") == []
    assert index.by("tag", "x") == []


def test_an_index_never_declared_is_an_error():
    with pytest.raises(KeyError):
        make_index().by("owner", "x")


def test_iteration_follows_insertion():
    index = make_index(Thing("c"), Thing("a"), Thing("b"))
    assert [t.name for t in index.values()] == ["c", "a", "b"]
    assert [k.name for k in index] == ["c", "a", "b"]
    assert list(index.keys()) == list(index)
