"""Queues and gangs, whatever comes in whatever order: what holds of quotas, shares, reclaim and gangs."""

from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kubewright.api.meta import ObjectKey
from kubewright.queues.reclaim import Claim, pods_of, reclaim
from kubewright.queues.rules import Limit, QueueRules
from kubewright.queues.standing import shares_of, standing
from kubewright.queues.tree import QuotaTree
from kubewright.queues.turns import History, Turns
from kubewright.queues.units import Holder, units_of

CPU = "cpu"
POLICIES = ("Never", "LowerPriority", "Any", "FairShare")
limits = st.builds(Limit, st.integers(0, 10), st.none() | st.integers(0, 6), st.none() | st.integers(0, 6))


@st.composite
def forests(draw):
    """Draw up to seven queues, each below one before it or by itself."""
    rules = {}
    for number in range(draw(st.integers(1, 7))):
        parent = draw(st.sampled_from(["", *rules]))
        limit = draw(limits)
        own = limit if parent else Limit(limit.nominal)
        rules[f"q{number}"] = QueueRules(
            f"q{number}",
            parent,
            {CPU: own} if draw(st.booleans()) or not parent else {},
            draw(st.integers(1, 4)),
            reclaim=draw(st.sampled_from(POLICIES)),
            minimum_runtime_seconds=draw(st.sampled_from([0, 0, 20])),
        )
    return rules


def subtree(rules, name):
    """Say plainly what a queue has with those below it, and what it keeps of that."""
    limit = rules[name].limits.get(CPU, Limit())
    lent = sum(subtree(rules, each)[0] - subtree(rules, each)[1] for each in rules if rules[each].parent == name)
    there = limit.nominal + lent
    keeps = max(there - limit.lending, 0) if limit.lending is not None and rules[name].parent else 0
    return there, keeps


def check(rules, tree, used):
    """Nobody uses more than its own and what it may borrow, nor do all of a tree more than there is."""
    below = {name: [each for each in rules if name in tree.path(each)] for name in rules}
    for name, queue in rules.items():
        total = sum(used[each] for each in below[name])
        assert tree.used(name, CPU) == total
        there, _ = subtree(rules, name)
        if not queue.parent:
            unlent = sum(max(subtree(rules, each)[1], 0) for each in below[name] if each != name)
            assert total <= there + unlent
        borrowing = queue.limits.get(CPU, Limit()).borrowing
        if queue.parent and borrowing is not None:
            assert total <= there + borrowing + sum(subtree(rules, each)[1] for each in below[name] if each != name)


@settings(max_examples=50)
@given(forests(), st.data())
def test_nobody_has_more_than_its_own_and_what_it_may_borrow(rules, data):
    tree, used = QuotaTree(rules), dict.fromkeys(rules, 0)
    for _ in range(data.draw(st.integers(1, 30))):
        queue = data.draw(st.sampled_from(sorted(rules)))
        amount = data.draw(st.integers(1, 6))
        if data.draw(st.booleans()) and used[queue]:
            amount = min(amount, used[queue])
            tree.charge(queue, {CPU: amount}, -1)
            used[queue] -= amount
        elif not tree.short(queue, {CPU: amount}):
            tree.charge(queue, {CPU: amount})
            used[queue] += amount
        check(rules, tree, used)
    for queue, amount in used.items():
        tree.charge(queue, {CPU: amount}, -1)
    assert all(not tree.used(queue, CPU) and not tree.borrowed(queue, CPU) for queue in rules)


@given(st.lists(st.integers(1, 5), min_size=2, max_size=5), st.integers(20, 120))
def test_shares_come_to_be_as_the_weights_are(weights, capacity):
    rules = {"all": QueueRules("all", "", {CPU: Limit(capacity)})}
    rules |= {f"q{n}": QueueRules(f"q{n}", "all", weight=weight) for n, weight in enumerate(weights)}
    tree, history = QuotaTree(rules), History()
    turns = Turns(tree, history)
    for _ in range(capacity):
        turn = min((name for name in rules if name != "all"), key=lambda name: turns.turn(name, {CPU: 1}))
        assert not tree.short(turn, {CPU: 1})
        tree.charge(turn, {CPU: 1})
    for n, weight in enumerate(weights):
        assert abs(tree.used(f"q{n}", CPU) - capacity * weight / sum(weights)) <= len(weights)


class Nodes:
    """One large node: room is there if enough is gone."""

    def __init__(self, wanted, holders, size):
        self.wanted, self.holders, self.size = wanted, holders, size

    def nodes_for(self, without):
        taken = sum(each.amounts[CPU] for each in self.holders.values() if each.key not in without)
        return frozenset({"n"}) if taken + self.wanted <= self.size else None


class World:
    """Teams whose pods and gangs come, run, and come again when they are taken; nothing ever ends by itself."""

    def __init__(self, rules, size):
        self.tree, self.size, self.holders, self.needed = QuotaTree(rules), size, {}, {}
        self.ran, self.taken, self.taken_at_first = set(), 0, 0
        self.now = 0.0

    def turn(self, claim, pods, needed):
        """Place pods together if they may be, or take room for them."""
        self.now += 30.0
        pods = [replace(pod, since=self.now) for pod in pods]
        claim = replace(claim, is_back=any(pod.key in self.ran for pod in pods))
        before, room = self.standing(), Nodes(sum(claim.amounts.values()), self.holders, self.size)
        taking = bool(self.tree.short(claim.queue, claim.amounts)) or room.nodes_for(frozenset()) is None
        if taking and not self.take(claim, room):
            return
        assert not self.tree.short(claim.queue, claim.amounts)
        for pod in pods:
            self.holders[pod.key] = pod
            self.ran.add(pod.key)
            self.tree.charge(pod.queue, pod.amounts)
        self.needed |= needed
        if not taking:
            assert self.standing() >= before
        elif claim.is_back:
            assert self.standing() > before
        else:
            self.taken_at_first += 1

    def take(self, claim, room):
        units = reclaim(claim, self.tree, self.units(), room, self.now) or ()
        self.check_units(units)
        for pod in pods_of(units):
            self.tree.charge(pod.queue, pod.amounts, -1)
            del self.holders[pod.key]
            self.taken += 1
        return units

    def units(self):
        return units_of(self.holders.values(), self.needed)

    def standing(self):
        return standing(self.tree, shares_of(self.units()))

    def check_units(self, units):
        """No gang is left in half, and nobody goes for nothing."""
        gone = {pod.key for pod in pods_of(units)}
        for gang, needed in self.needed.items():
            members = [each for each in self.holders.values() if each.gang == gang]
            left = [each for each in members if each.key not in gone]
            assert len(left) in {0, len(members)} or len(left) >= needed


@st.composite
def arrivals(draw):
    """Draw who comes: a queue, how many pods, how many of them are needed, how large, and how important."""
    size = draw(st.integers(1, 4))
    return draw(st.integers(0, 6)), size, draw(st.integers(1, size)), draw(st.integers(1, 3)), draw(st.integers(0, 2))


def three(shared, one, other, reclaim="Any"):
    """Return two queues, the second of which takes by a policy, below one that has some to lend."""
    own = {"q0": shared, "q1": one, "q2": other}
    rules = {name: QueueRules(name, "" if name == "q0" else "q0", {CPU: Limit(n)}) for name, n in own.items()}
    return rules | {"q2": replace(rules["q2"], reclaim=reclaim)}


def parties(rules, coming):
    """Return who comes: claims with their pods, and how many of a gang are needed."""
    names = sorted(rules)
    for number, (queue, n_pods, needed, amount, priority) in enumerate(coming):
        name, gang = names[queue % len(names)], f"g{number}" if n_pods > 1 else None
        keys = [ObjectKey("ns", f"p{number:02}-{n}") for n in range(n_pods)]
        pods = [Holder(key, "n", name, {CPU: amount}, priority, 0.0, gang) for key in keys]
        yield Claim(name, {CPU: amount * n_pods}, priority), pods, {gang: needed} if gang else {}


def one(queue, size, priority):
    return queue, 1, 1, size, priority


# A fair share of what is the other's own, which takes it back.
@example(three(0, 5, 0, "FairShare"), [one(1, 1, 0), one(1, 2, 0), one(2, 1, 0), one(1, 2, 0)], 5)
# A fair share of more than the other borrows, so that it takes back what was its own.
@example(three(1, 5, 0, "FairShare"), [one(1, 3, 1), one(1, 1, 0), one(2, 3, 0), one(1, 3, 1)], 6)
# Two queues that borrow more each time by pushing a smaller pod of theirs aside.
@example(
    three(0, 5, 5),
    [one(1, 3, 2), one(2, 3, 2), one(1, 3, 1), one(2, 2, 0), one(2, 3, 1), one(1, 2, 0)],
    10,
)
# In each of two queues an important pod that does not fit into what is its own pushes those aside that do.
@example(
    three(0, 2, 2),
    [one(1, 3, 1), one(2, 1, 0), one(2, 1, 0), one(2, 1, 0), one(2, 3, 1), *[one(1, 1, 0)] * 3],
    4,
)
@settings(deadline=None)
@given(forests(), st.lists(arrivals(), min_size=1, max_size=14), st.integers(4, 30))
def test_whatever_is_taken_no_gang_is_left_in_half_and_taking_comes_to_an_end(rules, coming, size):
    """Everybody takes once as a newcomer; each time after that raises the standing, which nothing lowers.

    So this ends without a limit of its own: `World` asserts both.
    """
    world, listed = World(rules, size), list(parties(rules, coming))
    before = -1
    while before != world.taken:
        before = world.taken
        for claim, pods, needed in listed:
            if not any(pod.key in world.holders for pod in pods):
                world.turn(claim, pods, needed)
    assert world.taken_at_first <= len(listed)


@given(forests(), st.lists(arrivals(), min_size=1, max_size=10), st.integers(4, 30))
def test_the_same_events_in_the_same_order_have_the_same_outcome(rules, coming, size):
    def play():
        world, log = World(rules, size), []
        for claim, pods, needed in parties(rules, coming):
            world.turn(claim, pods, needed)
            log.append(sorted(world.holders))
        return log

    assert play() == play()
