"""Queues and gangs, whatever comes in whatever order: what holds of quotas, shares, reclaim and gangs."""

from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kubewright.api.meta import ObjectKey
from kubewright.queues.reclaim import Claim, pods_of, reclaim
from kubewright.queues.rules import Limit, QueueRules
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
        self.taken = 0

    def turn(self, claim, pods, needed, now):
        """Place pods together if they may be, or take room for them; tell whether they run."""
        room, units = self.room(claim), ()
        if self.tree.short(claim.queue, claim.amounts) or room.nodes_for(frozenset()) is None:
            units = reclaim(claim, self.tree, units_of(self.holders.values(), self.needed), room, now)
            if not units:
                return False
            self.check_units(units)
            for pod in pods_of(units):
                self.tree.charge(pod.queue, pod.amounts, -1)
                del self.holders[pod.key]
                self.taken += 1
        assert not self.tree.short(claim.queue, claim.amounts)
        for pod in pods:
            self.holders[pod.key] = pod
            self.tree.charge(pod.queue, pod.amounts)
        self.needed |= needed
        self.check_kept(pods, units, now)
        return True

    def room(self, claim):
        return Nodes(sum(claim.amounts.values()), self.holders, self.size)

    def check_kept(self, pods, units, now):
        """Nobody of whom something was taken takes it back at once, however little its queue lets others run."""
        mine = {pod.key for pod in pods}
        for unit in units:
            again = Claim(unit.queue, {CPU: sum(pod.amounts[CPU] for pod in unit.pods)}, unit.priority)
            present = units_of(self.holders.values(), self.needed)
            taken = reclaim(again, self.tree, present, self.room(again), now + 1000.0)
            assert mine.isdisjoint(pod.key for pod in pods_of(taken or ()))

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


# A fair share of what is the other's own, which takes it back.
@example(three(0, 5, 0, "FairShare"), [(1, 1, 1, 1, 0), (1, 1, 1, 2, 0), (2, 1, 1, 1, 0), (1, 1, 1, 2, 0)], 5)
# A fair share of more than the other borrows, so that it takes back what was its own.
@example(three(1, 5, 0, "FairShare"), [(1, 1, 1, 3, 1), (1, 1, 1, 1, 0), (2, 1, 1, 3, 0), (1, 1, 1, 3, 1)], 6)
# Two queues that borrow more each time by pushing a smaller pod of theirs aside.
@example(
    three(0, 5, 5),
    [(1, 1, 1, 3, 2), (2, 1, 1, 3, 2), (1, 1, 1, 3, 1), (2, 1, 1, 2, 0), (2, 1, 1, 3, 1), (1, 1, 1, 2, 0)],
    10,
)
@settings(deadline=None)
@given(forests(), st.lists(arrivals(), min_size=1, max_size=14), st.integers(4, 30))
def test_whatever_is_taken_no_gang_is_left_in_half_and_taking_comes_to_an_end(rules, coming, size):
    world, names = World(rules, size), sorted(rules)
    parties = []
    for number, (queue, n_pods, needed, amount, priority) in enumerate(coming):
        name = names[queue % len(names)]
        gang = f"g{number}" if n_pods > 1 else None
        keys = [ObjectKey("ns", f"p{number}-{n}") for n in range(n_pods)]
        claim = Claim(name, {CPU: amount * n_pods}, priority)
        parties.append((claim, keys, gang, needed, amount))
    now, ran_before = 0.0, -1
    for _ in range(6 * len(parties)):
        now += 30.0
        for claim, keys, gang, needed, amount in parties:
            if not any(key in world.holders for key in keys):
                pods = [Holder(key, "n", claim.queue, {CPU: amount}, claim.priority, now, gang) for key in keys]
                world.turn(claim, pods, {gang: needed} if gang else {}, now)
        if world.taken == ran_before:
            return
        ran_before = world.taken
    raise AssertionError(f"{world.taken} pods taken, and no end of it")


@given(forests(), st.lists(arrivals(), min_size=1, max_size=10), st.integers(4, 30))
def test_the_same_events_in_the_same_order_have_the_same_outcome(rules, coming, size):
    def play():
        world, names, log = World(rules, size), sorted(rules), []
        for number, (queue, n_pods, _, amount, priority) in enumerate(coming):
            name = names[queue % len(names)]
            keys = [ObjectKey("ns", f"p{number}-{n}") for n in range(n_pods)]
            pods = [Holder(key, "n", name, {CPU: amount}, priority, float(number), number) for key in keys]
            world.turn(Claim(name, {CPU: amount * n_pods}, priority), pods, {number: n_pods}, 1000.0)
            log.append(sorted(world.holders))
        return log

    assert play() == play()
