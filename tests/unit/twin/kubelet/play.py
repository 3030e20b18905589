"""A pod's life played in memory: from deadline to deadline, with what its status says and what was told."""

import copy

import msgspec

from kubewright.api.core import Pod
from kubewright.twin.kubelet.advance import advance, begin
from kubewright.twin.kubelet.behaviour import Acts
from kubewright.twin.kubelet.images import NodeImages
from kubewright.twin.kubelet.status import Place, status_patch
from kubewright.twin.kubelet.turn import NOTHING_MISSING, Around
from tests.unit.twin.controllers.build import NOW

QUICK = Acts(stop_seconds=1.0, image_bytes=1000, pull_seconds=2.0)


def container(name="main", image="web:1", **more):
    return {"name": name, "image": image, **more}


def manifest(*, containers=None, init=(), generation=1, **spec):
    return {
        "metadata": {"name": "a", "namespace": "default", "uid": "u", "generation": generation},
        "spec": {"nodeName": "n1", "containers": containers or [container()], "initContainers": list(init), **spec},
        "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}]},
    }


class Play:
    """One pod on one node. Times are seconds since the pod came to its node."""

    def __init__(self, *, acts=None, images=("web:1",), missing=NOTHING_MISSING, setup_seconds=1.0, **spec):
        self.manifest = manifest(**spec)
        self.acts = acts or {}
        self.usual = QUICK
        self.images = NodeImages(10**12)
        for image in images:
            self.images.add(image, 1000, NOW, ())
        self.missing = missing
        self.setup_seconds = setup_seconds
        self.now = NOW
        self.told = []
        self.life = None
        self._take(begin(self.pod, self.around, self.now))

    @property
    def pod(self):
        return msgspec.convert(self.manifest, Pod)

    @property
    def around(self):
        def of(spec):
            return self.acts.get(spec.name, self.usual)

        return Around(of, self.images, self.setup_seconds, self.missing, pod_ip="10.0.0.9")

    def _take(self, step):
        self.life = step.life
        self.told += [(round(self.now - NOW, 3), news.reason, news.message) for news in step.news]
        patch = status_patch(self.pod, self.life, Place("10.0.0.9", "172.16.0.1"), self.now)
        self.manifest["status"] = merged(self.manifest["status"], patch["status"])
        return self

    def look(self):
        """Have the kubelet look at the pod now."""
        return self._take(advance(self.life, self.pod, self.around, self.now))

    def until(self, seconds):
        """Go on to a moment, with a turn at each deadline before it."""
        while self.life.due_at is not None and self.life.due_at <= NOW + seconds:
            self.now = max(self.life.due_at, self.now)
            self.look()
        self.now = NOW + seconds
        return self

    def delete(self, grace=30):
        self.manifest["metadata"] |= {
            "deletionTimestamp": "2030-01-01T00:00:00Z",
            "deletionGracePeriodSeconds": grace,
        }
        return self.look()

    @property
    def status(self):
        return self.manifest["status"]

    @property
    def phase(self):
        return self.status["phase"]

    def of(self, name):
        both = (*self.status.get("initContainerStatuses", ()), *self.status.get("containerStatuses", ()))
        return next(each for each in both if each["name"] == name)

    def state(self, name="main"):
        """Return a container's state in a word: `running`, or the reason why it is not."""
        ((kind, value),) = self.of(name)["state"].items()
        return kind if kind == "running" else value["reason"]

    def condition(self, type_):
        found = next(each for each in self.status["conditions"] if each["type"] == type_)
        return found["status"], found.get("reason", ""), found.get("message", "")

    def reasons(self, *wanted):
        return [reason for _, reason, _ in self.told if not wanted or reason in wanted]

    def messages(self, reason):
        return [message for _, each, message in self.told if each == reason]


def merged(old, patch):
    """Merge a status patch as an API server does: conditions by type, nulls taken away, the rest replaced."""
    new = {**old, **{name: copy.deepcopy(value) for name, value in patch.items() if not name.startswith("$")}}
    if "conditions" in patch:
        kept = {each["type"]: each for each in old["conditions"]}
        kept |= {each["type"]: {k: v for k, v in each.items() if v is not None} for each in patch["conditions"]}
        kept = {type_: each for type_, each in kept.items() if "$patch" not in each}
        order = [each["type"] for each in patch["$setElementOrder/conditions"]]
        new["conditions"] = [kept[type_] for type_ in order if type_ in kept]
    return new
