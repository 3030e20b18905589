"""Which devices claims get on a node."""

import pytest

from kubewright.devices.claims.allocator import AllocationError
from tests.unit.devices.claims.build import DRIVER, World, asked, claim, device, device_class, node, sliced


def test_the_first_that_is_free_is_given_until_none_is_left():
    world = World(sliced(device("a"), device("b")))
    assert [world.give(claim()) for _ in range(3)] == [["a"], ["b"], None]


def test_a_node_without_slices_has_nothing():
    assert World(sliced(device("a"))).give(claim(), to=node("n2")) is None


SELECTORS = {
    "driver": (f"device.driver == '{DRIVER}'", ["old", "new"]),
    "another driver": ("device.driver == 'other'", []),
    "an attribute of the driver's own": (f"device.attributes['{DRIVER}'].model == 'H100'", ["new"]),
    "an attribute of another domain": ("device.attributes['example.org'].?rack.orValue(0) == 3", ["new"]),
    "a domain that is nowhere": ("has(device.attributes['nowhere'].rack)", []),
    "a domain that is asked for": ("'example.org' in device.attributes", ["new"]),
    "a capacity": (f"device.capacity['{DRIVER}'].memory.compareTo(quantity('40Gi')) >= 0", ["new"]),
    "a version": (f"device.attributes['{DRIVER}'].api.isGreaterThan(semver('1.9.0'))", ["new"]),
    "a binding": (f"cel.bind(own, device.attributes['{DRIVER}'], own.model == 'H100' && own.number > 0)", ["new"]),
    "whether it is shared": ("device.allowMultipleAllocations", []),
}


@pytest.mark.parametrize("case", SELECTORS)
def test_expressions_select_devices(case):
    expression, expected = SELECTORS[case]
    old = device("old", attributes={"model": "A30", "api": {"version": "1.8.0"}}, capacity={"memory": "24Gi"})
    new = device(
        "new",
        attributes={"model": "H100", "number": 1, "example.org/rack": 3, "api": {"version": "1.10.0"}},
        capacity={"memory": "80Gi"},
    )
    world = World(sliced(old, new), classes=[device_class(expression)])
    if not expected:
        assert world.give(claim()) is None
    assert [world.give(claim()) for _ in expected] == [[name] for name in expected]


def test_an_expression_without_a_value_says_for_which_device():
    world = World(sliced(device("a")), classes=[device_class(f"device.attributes['{DRIVER}'].model == 'H100'")])
    with pytest.raises(AllocationError, match=rf"on device {DRIVER}/n1/a: CEL runtime error: no such key: model"):
        world.give(claim())


@pytest.mark.parametrize("wrong", ["device.nothing == 1", "1 +", "1 + 1", ""])
def test_an_expression_that_is_wrong_is_an_error(wrong):
    world = World(sliced(device("a")), classes=[device_class(wrong)])
    with pytest.raises(AllocationError, match="CEL compile error"):
        world.give(claim())


def test_a_class_that_is_not_there_is_an_error():
    with pytest.raises(AllocationError, match="request one: device class none does not exist"):
        World(sliced(device("a"))).give(claim(asked(kind="none")))


def test_several_requests_take_back_what_leaves_nothing_for_the_last():
    big = f"device.attributes['{DRIVER}'].size == 2"
    world = World(sliced(device("big", attributes={"size": 2}), device("small", attributes={"size": 1})))
    assert world.give(claim(asked("any"), asked("big", big))) == ["small", "big"]


def test_several_claims_of_a_pod_share_nothing():
    world = World(sliced(device("a"), device("b")))
    assert world.give(claim(name="x"), claim(name="y")) == [["a"], ["b"]]


def test_all_takes_every_device_that_matches_or_none():
    even = f"device.attributes['{DRIVER}'].n % 2 == 0"
    world = World(sliced(*(device(f"d{n}", attributes={"n": n}) for n in range(4))))
    assert world.give(claim(asked("all", even, allocationMode="All"))) == ["d0", "d2"]
    assert world.give(claim(asked("all", even, allocationMode="All"))) is None
    assert world.give(claim(asked("all", "false", allocationMode="All"))) is None


def test_the_first_wish_that_can_be_met_is():
    wishes = [
        {"name": "big", "deviceClassName": "gpu", "selectors": [{"cel": {"expression": "device.driver == 'none'"}}]},
        {"name": "two", "deviceClassName": "gpu", "count": 2},
        {"name": "one", "deviceClassName": "gpu"},
    ]
    world = World(sliced(device("a"), device("b"), device("c")))
    asks = claim({"name": "r", "firstAvailable": wishes})
    [first] = world.documents(asks)
    assert [each["request"] for each in first["devices"]["results"]] == ["r/two", "r/two"]
    assert [world.give(asks) for _ in range(3)] == [["a", "b"], ["c"], None]


def racks(*numbers):
    return sliced(*(device(f"d{at}", attributes={"example.org/rack": rack}) for at, rack in enumerate(numbers)))


def test_devices_have_an_attribute_in_common():
    constraint = {"matchAttribute": "example.org/rack"}
    assert World(racks(1, 2, 3, 2)).give(claim(asked(count=2), constraints=[constraint])) == ["d1", "d3"]
    assert World(racks(1, 2, 3)).give(claim(asked(count=2), constraints=[constraint])) is None


def test_devices_differ_in_an_attribute():
    constraint = {"distinctAttribute": "example.org/rack"}
    assert World(racks(1, 1, 3)).give(claim(asked(count=2), constraints=[constraint])) == ["d0", "d2"]
    assert World(racks(1, 1, 1)).give(claim(asked(count=2), constraints=[constraint])) is None


def test_a_constraint_is_about_the_requests_that_it_names():
    constraint = {"matchAttribute": "example.org/rack", "requests": ["a", "b"]}
    asks = claim(asked("a"), asked("b"), asked("c"), constraints=[constraint])
    assert World(racks(1, 2, 2)).give(asks) == ["d1", "d2", "d0"]


def test_who_administers_gets_devices_that_others_have_and_takes_none():
    world = World(sliced(device("a")))
    assert world.give(claim()) == ["a"]
    assert world.give(claim(asked(adminAccess=True))) == ["a"]
    assert world.give(claim(asked(adminAccess=True, count=2))) is None


def test_taints_of_devices_must_be_tolerated():
    taint = {"key": "broken", "value": "yes", "effect": "NoSchedule"}
    world = World(sliced(device("a", taints=[taint]), device("b", taints=[{**taint, "effect": "None"}])))
    tolerates = asked(tolerations=[{"key": "broken", "operator": "Exists"}])
    assert world.give(claim()) == ["b"]
    assert world.give(claim()) is None
    assert world.give(claim(tolerates)) == ["a"]


def partitions():
    """A GPU of four slices, whole, in halves and in quarters."""

    def part(name, memory):
        counters = [{"counterSet": "gpu", "counters": {"memory": {"value": memory}}}]
        return device(name, consumesCounters=counters, attributes={"size": name[0]})

    counters = {"sharedCounters": [{"name": "gpu", "counters": {"memory": {"value": "40Gi"}}}], "nodeName": "n1"}
    parts = ("whole", "40Gi"), ("half-0", "20Gi"), ("half-1", "20Gi"), *((f"quarter-{n}", "10Gi") for n in range(4))
    return sliced(name="counters", count=2, **counters), sliced(*(part(*each) for each in parts), name="parts", count=2)


def of_size(size):
    return asked("one", f"device.attributes['{DRIVER}'].size == '{size}'")


def test_partitions_share_what_they_are_made_of():
    world = World(*partitions())
    assert [world.give(claim(of_size(size))) for size in "hqhqqw"] == [
        ["half-0"],
        ["quarter-0"],
        None,
        ["quarter-1"],
        None,
        None,
    ]


def test_partitions_within_one_claim_share_them_too():
    asks = claim(asked("h", f"device.attributes['{DRIVER}'].size == 'h'", count=2), asked("more"))
    assert World(*partitions()).give(asks) is None


def shared(policy=None):
    memory = {"value": "40Gi", **({"requestPolicy": policy} if policy else {})}
    return sliced(device("a", allowMultipleAllocations=True, capacity={"memory": memory}))


def of_memory(amount):
    return asked(capacity={"requests": {"memory": amount}})


def test_a_device_is_shared_until_its_capacity_is_gone():
    world = World(shared())
    assert [world.give(claim(of_memory(each), name=each)) for each in ("30Gi", "11Gi", "10Gi")] == [["a"], None, ["a"]]
    assert world.give(claim(of_memory("1"))) is None


def test_one_claim_may_have_several_shares():
    assert World(shared()).give(claim(asked("x", capacity={"requests": {"memory": "30Gi"}}), of_memory("10Gi"))) == [
        "a",
        "a",
    ]


POLICIES = {
    "nothing asked, nothing said": (None, {}, "40Gi"),
    "the default": ({"default": "5Gi"}, {}, "5Gi"),
    "rounded up to a value": ({"default": "5Gi", "validValues": ["5Gi", "10Gi"]}, {"memory": "6Gi"}, "10Gi"),
    "rounded up to a step": ({"default": "4Gi", "validRange": {"min": "4Gi", "step": "2Gi"}}, {"memory": "5Gi"}, "6Gi"),
    "at least": ({"default": "4Gi", "validRange": {"min": "4Gi"}}, {"memory": "1Gi"}, "4Gi"),
    "more than any value": ({"default": "5Gi", "validValues": ["5Gi"]}, {"memory": "6Gi"}, None),
    "more than the most": ({"default": "1Gi", "validRange": {"min": "1Gi", "max": "2Gi"}}, {"memory": "3Gi"}, None),
    "what it has not": (None, {"cores": "1"}, None),
}


@pytest.mark.parametrize("case", POLICIES)
def test_what_a_share_takes(case):
    policy, requests, expected = POLICIES[case]
    documents = World(shared(policy)).documents(claim(asked(capacity={"requests": requests})))
    found = documents[0]["devices"]["results"][0]["consumedCapacity"]["memory"] if documents else None
    assert found == expected


def test_shares_have_names_of_their_own():
    world = World(shared())
    [one], [other] = (world.documents(claim(of_memory("1Gi"), name=name)) for name in "xy")
    ids = {each["devices"]["results"][0]["shareID"] for each in (one, other)}
    assert len(ids) == 2


def test_a_pool_that_is_being_updated_gives_nothing_and_not_all():
    world = World(sliced(device("a"), count=2))
    assert world.give(claim()) is None
    with pytest.raises(AllocationError, match=r"asks for all devices, but resource pool .* is currently being updated"):
        world.give(claim(asked(allocationMode="All")))


def test_the_newest_generation_of_a_pool_counts():
    world = World(sliced(device("old"), name="x"), sliced(device("new"), name="a", generation=2))
    assert world.give(claim()) == ["new"]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param([device("a"), device("a")], id="two of a name"),
        pytest.param(
            [device("a", consumesCounters=[{"counterSet": "none", "counters": {"x": {"value": "1"}}}])], id="no set"
        ),
    ],
)
def test_a_pool_that_contradicts_itself_is_invalid(broken):
    with pytest.raises(AllocationError, match="invalid resource pools were encountered"):
        World(sliced(*broken)).give(claim())


def test_slices_for_some_nodes_or_for_all():
    terms = [{"matchExpressions": [{"key": "rack", "operator": "In", "values": ["x"]}]}]
    some = sliced(device("some"), pool="some", name="some", nodeSelector={"nodeSelectorTerms": terms})
    every = sliced(device("every"), pool="every", name="every", allNodes=True)
    world = World(some, every)
    [document] = world.documents(claim(asked(count=2)), to=node("n3", rack="x"))
    assert document["nodeSelector"] == {"nodeSelectorTerms": terms}
    assert world.give(claim(asked(count=2)), to=node("n3")) is None
    [document] = world.documents(claim(), to=node("n3"))
    assert "nodeSelector" not in document


def test_each_device_may_say_where_it_is():
    here = device("here", nodeName="n1")
    there = device("there", nodeName="n2")
    world = World(sliced(here, there, pool="both", perDeviceNodeSelection=True))
    [document] = world.documents(claim(), to=node("n2"))
    assert document["devices"]["results"][0]["device"] == "there"
    fields = [{"key": "metadata.name", "operator": "In", "values": ["n2"]}]
    assert document["nodeSelector"] == {"nodeSelectorTerms": [{"matchFields": fields}]}


def test_drivers_are_told_what_class_and_claim_say():
    def opaque(what):
        return {"opaque": {"driver": DRIVER, "parameters": {"what": what}}}

    asks = claim(asked("x"), asked("y"), config=[{"requests": ["y"], **opaque("y")}, opaque("all")])
    world = World(sliced(device("a"), device("b")), classes=[device_class(config=[opaque("class")])])
    [document] = world.documents(asks)
    assert document["devices"]["config"] == [
        {"source": "FromClass", **opaque("class")},
        {"source": "FromClaim", "requests": ["y"], **opaque("y")},
        {"source": "FromClaim", **opaque("all")},
    ]


def test_a_claim_of_too_many_devices_is_refused():
    with pytest.raises(AllocationError, match="more than 32 devices"):
        World(sliced(device("a"))).give(claim(asked(count=33)))


def test_a_search_without_end_is_ended():
    devices = [device(f"d{n}", attributes={"example.org/n": n}) for n in range(30)]
    asks = claim(asked("x", count=15), constraints=[{"distinctAttribute": "example.org/n"}])
    never = claim(asked("y", count=16), name="never")
    with pytest.raises(AllocationError, match="timed out"):
        World(sliced(*devices)).give(asks, never)
