import pytest

from kubewright.api.meta import ObjectKey
from kubewright.runtime.sharding import Shard, parse_shard


def test_every_key_is_in_exactly_one_shard_and_a_namespace_stays_together():
    shards = [Shard(index, 3) for index in range(3)]
    holders = {}
    for number in range(300):
        key = ObjectKey(f"team-{number % 60}", f"app-{number}")
        (holder,) = [shard.index for shard in shards if shard.holds(key)]
        holders.setdefault(key.namespace, set()).add(holder)
    assert all(len(found) == 1 for found in holders.values())
    assert {index for found in holders.values() for index in found} == {0, 1, 2}


def test_objects_without_a_namespace_are_spread_by_name():
    assert {Shard(0, 2).holds(ObjectKey("", f"node-{n}")) for n in range(20)} == {True, False}


def test_each_shard_has_a_lease_of_its_own():
    assert (Shard().lease("demo"), Shard(1, 3).lease("demo")) == ("demo", "demo-1")


@pytest.mark.parametrize(
    ("text", "shard"), [("1/3", Shard(1, 3)), ("team=a", Shard(label_selector="team=a")), ("", Shard())]
)
def test_a_shard_is_read_from_text(text, shard):
    assert parse_shard(text) == shard


def test_a_part_beyond_the_whole_is_refused():
    with pytest.raises(ValueError, match="shard 3 is not one of 3"):
        parse_shard("3/3")
