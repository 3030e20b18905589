"""What must hold between an application's parts, as the API server checks it.

Each rule says what to do about it, at the field that is likely to be wrong. A rule about one part stands with the part.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubewright.api.described import Rule

_IS_JOB = "(has(self.schedule) || (has(self.kind) && self.kind == 'job'))"
_IS_STATEFUL = "(has(self.kind) && self.kind == 'stateful')"
_IS_ALIAS = "(has(self.expose) && self.expose.type == 'ExternalName')"
_HAS_PORTS = "(has(self.ports) && self.ports.size() > 0)"
_NOT_ROLLING = "(has(self.rollout) && self.rollout.strategy != 'rolling')"


def _not_of_jobs() -> Iterator[Rule]:
    words = {
        "ports": "a job answers nobody: remove ports, or make it a service",
        "scaling": "a job has no replicas to scale: use job.parallelism",
        "availability": "a job that is disturbed is run again: remove availability",
        "rollout": "a job is not rolled out, it runs: remove rollout",
        "slo": "a job answers nobody, so nobody relies on its answers: remove slo",
    }
    for field, message in words.items():
        yield Rule(f"!{_IS_JOB} || !has(self.{field})", message, f".{field}")


def _unique(field: str, attribute: str, message: str) -> Rule:
    named = f"has(other.{attribute}) && other.{attribute} == each.{attribute}"
    each = f"!has(each.{attribute}) || self.{field}.exists_one(other, {named})"
    return Rule(f"!has(self.{field}) || self.{field}.all(each, {each})", message, f".{field}")


def _known_port(port: str) -> str:
    return f"self.ports.exists(each, each.port == {port} || (has(each.name) && each.name == {port}))"


SPEC_RULES: tuple[Rule, ...] = (
    Rule(
        f"has(self.image) || {_IS_ALIAS}",
        "say which container image to run",
        ".image",
        "FieldValueRequired",
    ),
    Rule(
        f"!{_IS_ALIAS} || !has(self.ports)",
        "an ExternalName is another name for something outside, it has no ports and no pods: remove ports, "
        "or expose the application by ClusterIP",
        ".ports",
    ),
    Rule(
        f"!{_IS_ALIAS} || !has(self.image)",
        "an ExternalName is another name for something outside, nothing runs: remove image, or expose the "
        "application by ClusterIP",
        ".image",
    ),
    _unique("ports", "name", "each port has a name of its own: rename one of those that share it"),
    _unique("ports", "nodePort", "each port has a node's port of its own: change one of those that share it"),
    _unique("volumes", "mountPath", "each volume is mounted at a path of its own: change one of those that share it"),
    Rule(
        "!has(self.ports) || !self.ports.exists(each, has(each.nodePort)) || "
        "(has(self.expose) && self.expose.type in ['NodePort', 'LoadBalancer'])",
        "a node's port is for an application exposed by NodePort or LoadBalancer: set expose.type, or remove nodePort",
        ".ports",
    ),
    Rule(
        f"!has(self.expose) || {_IS_ALIAS} || {_HAS_PORTS}",
        "there is no port to expose: say in ports what the application answers on",
        ".expose",
    ),
    Rule(
        f"!has(self.expose) || !has(self.expose.port) || !has(self.ports) || {_known_port('self.expose.port')}",
        "the application has no such port: name one of ports",
        ".expose.port",
    ),
    Rule(
        f"!has(self.access) || !has(self.access.from) || self.access.from.all(peer, !has(peer.ports) || "
        f"peer.ports.all(port, has(self.ports) && {_known_port('port')}))",
        "callers are let in on the application's own ports: name some of ports",
        ".access.from",
    ),
    Rule(
        "!has(self.volumes) || !self.volumes.exists(each, has(each.hostPath)) || "
        "(has(self.security) && self.security.profile == 'privileged')",
        "paths of a node are forbidden by the profiles restricted and baseline: use emptyDir or a claim, or set "
        "security.profile to privileged where your platform team allows it",
        ".volumes",
    ),
    Rule(
        "!has(self.files) || self.files.all(path, path.startsWith('/') && !path.endsWith('/'))",
        "a file's key is its path in the container, such as /etc/app/config.yaml",
        ".files",
    ),
    Rule(
        "!has(self.schedule) || !has(self.kind) || self.kind == 'job'",
        "what has a schedule is a job: set kind to job, or remove schedule",
        ".schedule",
    ),
    Rule(
        f"!has(self.job) || {_IS_JOB}",
        "only a job runs to its end: set kind to job or say a schedule, or remove job",
        ".job",
    ),
    *_not_of_jobs(),
    Rule(
        f"!{_NOT_ROLLING} || {_IS_STATEFUL} || {_HAS_PORTS}",
        "a canary or a blue-green release moves traffic, and without ports there is none: say ports, or set "
        "rollout.strategy to rolling",
        ".rollout.strategy",
    ),
    Rule(
        f"!{_IS_STATEFUL} || !has(self.rollout) || self.rollout.strategy != 'blueGreen'",
        "pods that are not interchangeable have no second set beside them: set rollout.strategy to rolling or canary",
        ".rollout.strategy",
    ),
    Rule(
        f"!{_IS_STATEFUL} || !has(self.rollout) || self.rollout.traffic in ['auto', 'replicas']",
        "a canary of pods that are not interchangeable is some of them: set rollout.traffic to auto",
        ".rollout.traffic",
    ),
    Rule(
        "!has(self.rollout) || self.rollout.traffic != 'httpRoute' || (has(self.expose) && has(self.expose.gateway))",
        "an HTTPRoute needs a Gateway: name it in expose.gateway, or set rollout.traffic to auto",
        ".rollout.traffic",
    ),
    Rule(
        "!has(self.rollout) || self.rollout.traffic != 'virtualService' || "
        "(has(self.mesh) && self.mesh.type == 'istio')",
        "a VirtualService splits the traffic of Istio's sidecars: set mesh.type to istio, or rollout.traffic to auto",
        ".rollout.traffic",
    ),
    Rule(
        "!has(self.rollout) || !has(self.rollout.gates) || "
        "!self.rollout.gates.exists(each, each.metric == 'burnRate') || has(self.slo)",
        "what burns is the budget of an objective: say slo, or choose another metric",
        ".rollout.gates",
    ),
)
