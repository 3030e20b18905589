"""Short ways to say which AppService and which children a case is about."""

import msgspec

from kubewright.api.applyset import Observed
from kubewright.api.crds.appservice import AppService
from kubewright.api.live import LiveObject
from kubewright.workloads.decide import FINALIZER, decide, desired
from kubewright.workloads.kinds import CHILD_KINDS
from kubewright.workloads.seen import Seen

NOW = 1_900_000_000.0
KINDS = CHILD_KINDS


def app(name="web", *, deleted=False, finalizers=(FINALIZER,), generation=1, status=None, **spec):
    document = {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "resourceVersion": "7",
            "generation": generation,
            "finalizers": list(finalizers),
        },
        "spec": {"image": "nginx", "replicas": 2, "ports": [{"name": "http", "port": 80}]} | spec,
    }
    if deleted:
        document["metadata"]["deletionTimestamp"] = "2030-03-17T17:46:00Z"  # shortly before NOW
    if status is not None:
        document["status"] = status
    return msgspec.convert(document, AppService)


def made(application, kind, kinds=KINDS):
    """The manifest of one child."""
    found = [each for each in desired(application, kinds) if each["kind"] == kind]
    assert len(found) == 1, [each["kind"] for each in desired(application, kinds)]
    return found[0]


def kinds_of(application):
    """The kinds of the children that are wanted, in order."""
    return [each["kind"] for each in desired(application, KINDS)]


def live(manifest, *, uid="child", **status):
    """The object that an API server makes of a manifest, with defaults of its own in the spec."""
    stored = manifest | {
        "metadata": manifest["metadata"] | {"uid": uid, "generation": 1},
        "spec": manifest.get("spec", {}) | {"revisionHistoryLimit": 10},
        "status": status,
    }
    return msgspec.convert(msgspec.json.decode(msgspec.json.encode(stored)), LiveObject)


def seen(*objects, kinds=KINDS, **more):
    """A view of the cluster with these live objects, each as (kind, object)."""
    observed = Observed()
    for kind, obj in objects:
        observed.add(next(each for each in kinds if each.kind == kind), obj)
    return Seen(observed, kinds, **more)


def all_up(replicas=2):
    """The status of a workload whose pods are all up."""
    return {
        "observedGeneration": 1,
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": replicas,
        "availableReplicas": replicas,
    }


def children_of(application, replicas=2, **status):
    """Every child, live; the workload with this status, by default that of pods which are all up."""
    workloads = {"Deployment", "StatefulSet", "Job", "CronJob"}
    found = []
    for manifest in desired(application, KINDS):
        told = (status or all_up(replicas)) if manifest["kind"] in workloads else {}
        found.append((manifest["kind"], live(manifest, **told)))
    return found


def running(application, replicas=2, **more):
    """What is seen of an application whose pods are all up."""
    return seen(*children_of(application, replicas), **more)


def plan(application, view, now=NOW):
    return decide(application, desired(application, view.kinds), view, now)


def settled(application, view):
    """The application with the status that a plan would give it."""
    status = next((a.manifest["status"] for a in plan(application, view).actions if is_status(a)), None)
    return application if status is None else msgspec.structs.replace(application, status=as_status(status))


def as_status(document):
    return msgspec.convert({"status": document}, AppService).status


def is_status(action):
    return getattr(action, "subresource", "") == "status"


def status_of(made_plan):
    return next(action.manifest["status"] for action in made_plan.actions if is_status(action))


def conditions_of(made_plan):
    return {condition["type"]: condition["status"] for condition in status_of(made_plan)["conditions"]}


def ready_of(made_plan):
    """Reason and message of the Ready condition."""
    [ready] = [each for each in status_of(made_plan)["conditions"] if each["type"] == "Ready"]
    return ready["reason"], ready["message"]
