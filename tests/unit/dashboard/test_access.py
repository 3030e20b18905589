"""Where somebody may look: asked of their own rules, and of single rights where the rules are not all told."""

from kubewright.api.nodes import NODES
from kubewright.api.pods import PODS
from kubewright.clock import Clock
from kubewright.dashboard.access import Access, Person, Sight
from kubewright.dashboard.sealing import Sealer, Session
from kubewright.errors import ErrorKind, OpError
from kubewright.workloads.kinds import CHILD_DEPLOYMENTS

NAMESPACES = [f"team-{number}" for number in range(20)]
PODS_IN_ONE = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}


class Cluster:
    """An API server that answers reviews: by its rules in `team-3`, and by single rights in `team-5`."""

    def __init__(self, rules=None, incomplete=False):
        self.rules, self.incomplete, self.asked = rules, incomplete, []

    async def raw(self, verb, path, *, body):
        assert verb == "POST"
        self.asked.append(body["kind"])
        if body["kind"] == "SelfSubjectRulesReview":
            if self.rules is None:
                raise OpError("client.create", ErrorKind.NOT_FOUND, path, "the server does not know it")
            mine = self.rules if body["spec"]["namespace"] == "team-3" else []
            return {"status": {"resourceRules": mine, "incomplete": self.incomplete}}
        wanted = body["spec"]["resourceAttributes"]
        return {"status": {"allowed": wanted.get("namespace") == "team-5"}}

    async def close(self):
        pass


async def sights(cluster, *kinds):
    """What somebody sees of some kinds, the dashboard's owner here."""
    access = Access(cluster, Clock.wall(), Sealer(b"a key of the tests", Session), owner_key="x")
    person = Person("somebody", None)
    return [await access.sight(person, kind, NAMESPACES) for kind in kinds]


async def test_one_question_a_namespace_tells_of_all_kinds():
    cluster = Cluster([PODS_IN_ONE])
    pods, deployments, nodes = await sights(cluster, PODS, CHILD_DEPLOYMENTS, NODES)
    assert pods == Sight(namespaces=frozenset({"team-3"}))
    assert deployments.is_blind
    assert nodes.is_blind
    assert cluster.asked.count("SelfSubjectRulesReview") == len(NAMESPACES)
    assert cluster.asked.count("SelfSubjectAccessReview") == 3  # whether everywhere, of each kind


async def test_rules_for_single_objects_are_no_right_to_list():
    (pods,) = await sights(Cluster([{**PODS_IN_ONE, "resourceNames": ["web-0"]}]), PODS)
    assert pods.is_blind


async def test_where_rules_are_not_all_told_rights_are_asked_one_by_one():
    (pods,) = await sights(Cluster([PODS_IN_ONE], incomplete=True), PODS)
    assert pods == Sight(namespaces=frozenset({"team-3", "team-5"}))
    (pods,) = await sights(Cluster(), PODS)
    assert pods == Sight(namespaces=frozenset({"team-5"}))
