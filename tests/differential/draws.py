"""Random clusters and pods over everything that affects placement, as documents; the same seed draws the same."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]

APPS = ("web", "db", "cache")
ZONES = ("a", "b", "c")
HOSTNAME, ZONE, RACK = "kubernetes.io/hostname", "topology.kubernetes.io/zone", "rack"
KEYS = (HOSTNAME, ZONE, RACK)
TAINTS = ("gpu", "spot", "old")
IMAGES = {"app:1": 400, "app:2": 900, "tool:1": 30}
GPU = "example.com/gpu"
DRIVER = "disks.example.com"
MEBIBYTE = 1024**2
POLITE = "polite"
PRIORITIES = {"low": -10, "middle": 10, "high": 100, POLITE: 50}
"""The priority classes, which must be there, and their values."""


@dataclass
class World:
    """A cluster's objects, in the order in which they must be made, and the pods that come to it."""

    number: int
    namespaces: list[Document] = field(default_factory=list)
    objects: list[Document] = field(default_factory=list)
    """All but namespaces and pods."""
    placed: list[Document] = field(default_factory=list)
    pods: list[Document] = field(default_factory=list)
    budgets: list[Document] = field(default_factory=list)


class Draw:
    """Draws one world."""

    def __init__(self, seed: int, number: int, attempt: int = 0, *, crowded: bool = False) -> None:
        """With `crowded` there are few nodes, full of pods of several priorities, some of which budgets protect.

        Attempts draw the same under other names.
        """
        self._rng = random.Random(f"{seed}/{number}")
        self._number = number
        self._prefix = f"w{number}-{attempt}"
        self._crowded = crowded
        n_nodes = self._rng.randint(2, 5) if crowded else self._rng.randint(4, 12)
        self.nodes = [f"{self._prefix}-n{each}" for each in range(n_nodes)]
        self.spaces = [f"{self._prefix}-{each}" for each in ("one", "two")]
        self._claims: dict[str, list[str]] = {space: [] for space in self.spaces}
        self._exclusive: set[tuple[str, str]] = set()
        """Claims that one pod alone may use, by namespace and name."""
        self._used: set[tuple[str, str]] = set()
        """Those of them that a placed pod uses."""

    def world(self, n_pods: int) -> World:
        """Draw all of it."""
        world = World(self._number)
        world.namespaces = [
            _object("v1", "Namespace", space, labels={"team": team})
            for space, team in zip(self.spaces, ("red", "blue"), strict=True)
        ]
        world.objects = [*(self._node(name) for name in self.nodes), *self._storage(), *self._workloads()]
        most = (4 if self._crowded else 2) * len(self.nodes)
        world.placed = [self._placed(each) for each in range(self._rng.randint(most if self._crowded else 0, most))]
        world.budgets = [self._budget(each) for each in range(2 if self._crowded else 0)]
        world.pods = [self.pod(f"p{each}") for each in range(n_pods)]
        return world

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def _some(self, of: tuple[Any, ...], least: int = 1) -> list[Any]:
        return self._rng.sample(of, self._rng.randint(least, len(of)))

    def _node(self, name: str) -> Document:
        rng = self._rng
        labels = {"size": str(rng.randint(1, 5)), "disk": rng.choice(("ssd", "hdd"))}
        domains = {HOSTNAME: name, ZONE: rng.choice(ZONES), RACK: rng.choice("xy")}
        labels |= {key: value for key, value in domains.items() if self._chance(0.92)}
        taints = [
            {
                "key": key,
                "value": rng.choice(("x", "y")),
                "effect": rng.choice(("NoSchedule", "PreferNoSchedule", "NoExecute")),
            }
            for key in TAINTS
            if self._chance(0.12)
        ]
        allocatable = {
            "cpu": str(rng.choice((1, 2, 4))),
            "memory": f"{rng.choice((1, 2, 8))}Gi",
            "pods": str(rng.choice((3, 6, 110))),
        }
        if self._chance(0.3):
            allocatable[GPU] = str(rng.randint(1, 4))
        if self._chance(0.5):
            allocatable["ephemeral-storage"] = "10Gi"
        images = [{"names": [each], "sizeBytes": size * MEBIBYTE} for each, size in IMAGES.items() if self._chance(0.4)]
        document = _object("v1", "Node", name, labels=labels)
        document["spec"] = {"taints": taints, "unschedulable": self._chance(0.08)}
        document["status"] = {"allocatable": allocatable, "capacity": allocatable, "images": images}
        return document

    def _storage(self) -> list[Document]:
        rng = self._rng
        slow, late, static = (f"{self._prefix}-{each}" for each in ("now", "late", "static"))
        objects = [
            self._class(slow, DRIVER, "Immediate"),
            self._class(late, DRIVER, "WaitForFirstConsumer"),
            self._class(static, "kubernetes.io/no-provisioner", "WaitForFirstConsumer"),
        ]
        if self._chance(0.5):
            zones = [{"matchLabelExpressions": [{"key": ZONE, "values": self._some(ZONES)}]}]
            objects[1]["allowedTopologies"] = zones
        for name in self.nodes:
            if self._chance(0.6):
                node = _object("storage.k8s.io/v1", "CSINode", name)
                node["spec"] = {
                    "drivers": [{"name": DRIVER, "nodeID": name, "allocatable": {"count": rng.randint(0, 2)}}]
                }
                objects.append(node)
        for each in range(rng.randint(2, 5)):
            objects += self._bound(f"{self._prefix}-v{each}", f"c{each}", slow)
        for each in range(rng.randint(1, 4)):
            objects.append(self._free(f"{self._prefix}-f{each}", static))
        for each, kind in enumerate((late, static, static)):
            objects.append(self._claim(f"w{each}", rng.choice(self.spaces), kind, ["ReadWriteOnce"]))
        return objects

    def _class(self, name: str, provisioner: str, mode: str) -> Document:
        document = _object("storage.k8s.io/v1", "StorageClass", name)
        return {**document, "provisioner": provisioner, "volumeBindingMode": mode}

    def _bound(self, volume: str, claim: str, kind: str) -> list[Document]:
        rng = self._rng
        mode = rng.choice(("ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"))
        space = rng.choice(self.spaces)
        if mode == "ReadWriteOncePod":
            self._exclusive.add((space, claim))
        made = self._free(volume, kind, mode)
        if self._chance(0.3):
            made["metadata"]["labels"] = {ZONE: "__".join(self._some(ZONES))}
        wanted = self._claim(claim, space, kind, [mode])
        wanted["spec"]["volumeName"] = volume
        wanted["metadata"]["annotations"] = {"pv.kubernetes.io/bind-completed": "yes"}
        wanted["status"] = {"phase": "Bound"}
        made["spec"]["claimRef"] = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": space,
            "name": claim,
        }
        made["status"] = {"phase": "Bound"}
        return [made, wanted]

    def _free(self, name: str, kind: str, mode: str = "ReadWriteOnce") -> Document:
        document = _object("v1", "PersistentVolume", name)
        document["spec"] = {
            "capacity": {"storage": f"{self._rng.randint(1, 4)}Gi"},
            "accessModes": [mode],
            "storageClassName": kind,
            "csi": {"driver": DRIVER, "volumeHandle": name},
        }
        if self._chance(0.5) or kind.endswith("static"):
            zones = {"key": self._rng.choice((ZONE, "disk")), "operator": "In", "values": [*self._some(ZONES), "ssd"]}
            terms = [{"matchExpressions": [zones]}]
            document["spec"]["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
        document["status"] = {"phase": "Available"}
        return document

    def _claim(self, name: str, space: str, kind: str, modes: list[str]) -> Document:
        document = _object("v1", "PersistentVolumeClaim", name, namespace=space)
        size = {"requests": {"storage": f"{self._rng.randint(1, 3)}Gi"}}
        document["spec"] = {"accessModes": modes, "storageClassName": kind, "resources": size}
        self._claims[space].append(name)
        return document

    def _workloads(self) -> list[Document]:
        objects: list[Document] = []
        for space in self.spaces:
            if self._chance(0.4):
                service = _object("v1", "Service", "service", namespace=space)
                service["spec"] = {"selector": {"app": self._rng.choice(APPS)}, "ports": [{"port": 80}]}
                objects.append(service)
            if self._chance(0.5):
                labels = {"app": self._rng.choice(APPS)}
                owner = _object("apps/v1", "ReplicaSet", "set", namespace=space)
                template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "app:1"}]}}
                owner["spec"] = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
                objects.append(owner)
        return objects

    def _budget(self, number: int) -> Document:
        document = _object("policy/v1", "PodDisruptionBudget", f"b{number}", namespace=self._rng.choice(self.spaces))
        document["spec"] = {"minAvailable": 1, "selector": {"matchLabels": {"app": self._rng.choice(APPS)}}}
        counts = {"currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}
        document["status"] = {"disruptionsAllowed": self._rng.choice((0, 0, 1)), **counts}
        return document

    def _placed(self, number: int) -> Document:
        document = self.pod(f"x{number}")
        if self._crowded:
            # No two began together: of such, which one goes depends on when the real scheduler heard of them.
            document["status"] = {"startTime": f"2026-01-01T00:{(number * 37 + self._number) % 60:02d}:00Z"}
        document["spec"]["nodeName"] = self._rng.choice(self.nodes)
        space, volumes = document["metadata"]["namespace"], document["spec"].get("volumes", [])
        # The real scheduler counts such a claim as used once: of two users it would push one aside for nothing.
        document["spec"]["volumes"] = [each for each in volumes if (space, each["name"]) not in self._used]
        self._used |= self._exclusive & {(space, each["name"]) for each in volumes}
        return document

    def pod(self, name: str) -> Document:
        """Draw a pod, with a few of the constraints that there are."""
        rng = self._rng
        space = rng.choice(self.spaces)
        labels = {"app": rng.choice(APPS), "tier": rng.choice(("front", "back"))}
        document = _object("v1", "Pod", name, namespace=space, labels=labels if self._chance(0.95) else {})
        spec: Document = {"containers": [self._container(f"c{each}") for each in range(rng.choice((1, 1, 2)))]}
        for container in spec["containers"][1:]:
            container.pop("ports", None)  # two of one pod must not be the same
        spec["terminationGracePeriodSeconds"] = 0
        if self._chance(0.15):
            spec["initContainers"] = [self._container("init")]
            if self._chance(0.5):
                spec["initContainers"][0]["restartPolicy"] = "Always"
        if self._chance(0.4):
            spec["tolerations"] = [self._toleration() for _ in range(rng.randint(1, 3))]
        if self._chance(0.15):
            spec["nodeSelector"] = {"disk": rng.choice(("ssd", "hdd"))}
        affinity = {
            "nodeAffinity": self._node_affinity() if self._chance(0.35) else None,
            "podAffinity": self._pod_affinity(0.25) if self._chance(0.35) else None,
            "podAntiAffinity": self._pod_affinity(0.5) if self._chance(0.35) else None,
        }
        spec["affinity"] = {key: value for key, value in affinity.items() if value}
        if self._chance(0.3):
            spec["topologySpreadConstraints"] = self._spread()
        if self._claims[space] and self._chance(0.25):
            names = self._some(tuple(self._claims[space]))[:2]
            spec["volumes"] = [{"name": each, "persistentVolumeClaim": {"claimName": each}} for each in names]
        if self._crowded:
            name = rng.choices(tuple(PRIORITIES), (4, 4, 4, 1))[0]
            spec |= {"priorityClassName": name, "priority": PRIORITIES[name]}
            spec["preemptionPolicy"] = "Never" if name == POLITE else "PreemptLowerPriority"
        document["spec"] = spec
        return document

    def _container(self, name: str) -> Document:
        rng = self._rng
        container: Document = {"name": name, "image": rng.choice((*IMAGES, "other"))}
        requests = {"cpu": rng.choice(("0", "100m", "250m", "1")), "memory": rng.choice(("0", "100Mi", "512Mi", "1Gi"))}
        requests = {key: value for key, value in requests.items() if self._chance(0.7)}
        limits: Document = {}
        if self._chance(0.1):
            limits = {GPU: str(rng.randint(0, 2))}
        if self._chance(0.1):
            requests["ephemeral-storage"] = "1Gi"
        container["resources"] = {"requests": {**requests, **limits}, "limits": limits}
        if self._chance(0.12):
            port = {"containerPort": 80, "hostPort": rng.choice((80, 81)), "protocol": rng.choice(("TCP", "UDP"))}
            if self._chance(0.4):
                port["hostIP"] = rng.choice(("10.0.0.1", "10.0.0.2"))
            container["ports"] = [port]
        return container

    def _toleration(self) -> Document:
        rng = self._rng
        if self._chance(0.1):
            return {"operator": "Exists"}
        if self._chance(0.15):
            return {"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}
        toleration = {"key": rng.choice(TAINTS), "operator": rng.choice(("Exists", "Equal"))}
        if toleration["operator"] == "Equal":
            toleration["value"] = rng.choice(("x", "y"))
        if self._chance(0.5):
            toleration["effect"] = rng.choice(("NoSchedule", "PreferNoSchedule", "NoExecute"))
        return toleration

    def _node_affinity(self) -> Document:
        affinity: Document = {}
        if self._chance(0.6):
            terms = [self._node_term() for _ in range(self._rng.choice((1, 1, 2)))]
            affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
        if self._chance(0.6):
            affinity["preferredDuringSchedulingIgnoredDuringExecution"] = [
                {"weight": self._rng.randint(1, 100), "preference": self._node_term()}
                for _ in range(self._rng.randint(1, 2))
            ]
        return affinity

    def _node_term(self) -> Document:
        rng = self._rng
        if self._chance(0.15):
            names = self._some((*self.nodes, "nobody"))
            return {
                "matchFields": [{"key": "metadata.name", "operator": rng.choice(("In", "NotIn")), "values": names[:1]}]
            }
        expressions = [
            {"key": ZONE, "operator": rng.choice(("In", "NotIn")), "values": self._some(ZONES)},
            {"key": RACK, "operator": rng.choice(("Exists", "DoesNotExist"))},
            {"key": "size", "operator": rng.choice(("Gt", "Lt")), "values": [str(rng.randint(0, 5))]},
            {"key": "disk", "operator": "In", "values": ["ssd"]},
        ]
        return {"matchExpressions": rng.sample(expressions, rng.choice((1, 1, 2)))}

    def _pod_affinity(self, hard: float) -> Document:
        affinity: Document = {}
        if self._chance(hard):
            terms = [self._pod_term() for _ in range(self._rng.choice((1, 1, 2)))]
            affinity["requiredDuringSchedulingIgnoredDuringExecution"] = terms
        if self._chance(0.6):
            affinity["preferredDuringSchedulingIgnoredDuringExecution"] = [
                {"weight": self._rng.randint(1, 100), "podAffinityTerm": self._pod_term()}
                for _ in range(self._rng.randint(1, 2))
            ]
        return affinity

    def _pod_term(self) -> Document:
        rng = self._rng
        term: Document = {"topologyKey": rng.choice(KEYS)}
        if self._chance(0.95):
            term["labelSelector"] = self._selector()
        if self._chance(0.2):
            term["namespaces"] = self._some(tuple(self.spaces))
        if self._chance(0.2):
            term["namespaceSelector"] = rng.choice(({}, {"matchLabels": {"team": "red"}}))
        if self._chance(0.1) and "labelSelector" in term:
            term[rng.choice(("matchLabelKeys", "mismatchLabelKeys"))] = ["tier"]
        return term

    def _selector(self) -> Document:
        rng = self._rng
        if self._chance(0.06):
            return {}
        if self._chance(0.25):
            return {
                "matchExpressions": [
                    {"key": "app", "operator": rng.choice(("In", "NotIn")), "values": self._some(APPS)}
                ]
            }
        return {"matchLabels": {"app": rng.choice(APPS)}}

    def _spread(self) -> list[Document]:
        rng = self._rng
        constraints: list[Document] = []
        for key in rng.sample(KEYS, rng.choice((1, 1, 2))):
            hard = self._chance(0.5)
            each: Document = {
                "topologyKey": key,
                "maxSkew": rng.choice((1, 1, 2)),
                "whenUnsatisfiable": "DoNotSchedule" if hard else "ScheduleAnyway",
                "labelSelector": self._selector(),
            }
            if hard and self._chance(0.2):
                each["minDomains"] = rng.randint(1, 5)
            if self._chance(0.3):
                each["nodeAffinityPolicy"] = rng.choice(("Honor", "Ignore"))
            if self._chance(0.3):
                each["nodeTaintsPolicy"] = rng.choice(("Honor", "Ignore"))
            if self._chance(0.2):
                each["matchLabelKeys"] = ["tier"]
            constraints.append(each)
        return constraints


def _object(api_version: str, kind: str, name: str, *, namespace: str = "", labels: Document | None = None) -> Document:
    metadata: Document = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}
