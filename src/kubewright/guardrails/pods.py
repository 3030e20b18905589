"""The rails of pods, and of all that makes pods.

Expressions read `variables.specs[i]`, the pod's spec, and `variables.containers[i]`, all its containers, as
`families.py` takes them out of the object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubewright.api.crds.rails import ANY, DIGEST, Rails
from kubewright.guardrails.rail import Family, Rail, either, literal, literals, when

_SPEC, _CONTAINERS, _IMAGES = "variables.specs[i]", "variables.containers[i]", "variables.images[i]"
_MODEL = "nvidia.com/gpu.product"
_OF_GPUS = "k.matches('^(nvidia[.]com|amd[.]com|gpu[.]intel[.]com)/')"
_WHOLE_GPUS = r"k.matches('^(nvidia[.]com/(gpu([.]shared)?|mig-.*)|amd[.]com/gpu.*|gpu[.]intel[.]com/.*)$')"
_LIMITS = "has(c.resources) && has(c.resources.limits)"
_OTHER_TAINTS = "!(has(t.key) && t.key.startsWith('node.kubernetes.io/'))"


def pod_rails(rails: Rails) -> Iterator[Rail]:
    """Return what is drawn for pods."""
    for name, offenders, allowed in (*_images(rails), *_node(rails), *_amounts(rails), *_placement(rails)):
        yield Rail(name, Family.PODS, offenders, allowed)


def _images(rails: Rails) -> Iterator[tuple[str, str, str]]:
    if rails.registries is not None:
        entries = [each.rstrip("/") for each in rails.registries]
        repositories = [each for each in entries if "/" in each]
        # A host takes a path; a colon behind it would be another port.
        prefixes = [f"{each}/" for each in entries] + [f"{each}{end}" for each in repositories for end in ":@"]
        known = f"m in {literals(repositories)} || {literals(prefixes)}.exists(p, m.startsWith(p))"
        yield "registries", f"{_IMAGES}.filter(m, !({known})).map(m, 'image ' + m)", either(rails.registries)
    if rails.image_versions == DIGEST:
        yield "imageVersions", _filtered_images("m.matches('@[a-z0-9]+:[0-9a-f]{32,}$')"), "a digest"
    elif rails.image_versions != ANY:
        named = "m.contains('@') || (m.matches(':[^/:]+$') && !m.endsWith(':latest'))"
        yield "imageVersions", _filtered_images(named), "a digest, or a tag besides latest"


def _filtered_images(good: str) -> str:
    return f"{_IMAGES}.filter(m, !({good})).map(m, 'image ' + m)"


def _node(rails: Rails) -> Iterator[tuple[str, str, str]]:
    if rails.host_paths is not None:
        paths = [each.rstrip("/") for each in rails.host_paths]
        inside = f"{literals(paths)}.exists(p, v.hostPath.path == p || v.hostPath.path.startsWith(p + '/'))"
        found = f"{_SPEC}.volumes.filter(v, has(v.hostPath) && !({inside})).map(v, 'hostPath ' + v.hostPath.path)"
        yield "hostPaths", when(f"has({_SPEC}.volumes)", found), either(rails.host_paths)
    if rails.deny_privileged:
        yield (
            "denyPrivileged",
            _containers(f"{_security('privileged')} || {_windows('c')}", "is privileged")
            + (f" + {when(_windows(_SPEC), literals(['pod is a process of its host']))}"),
            "containers that are not privileged",
        )
    if rails.deny_host_namespaces:
        own = " + ".join(
            when(f"has({_SPEC}.{each}) && {_SPEC}.{each}", literals([each]))
            for each in ("hostNetwork", "hostPID", "hostIPC")
        )
        ports = _containers("has(c.ports) && c.ports.exists(p, has(p.hostPort) && p.hostPort != 0)", "has a hostPort")
        yield "denyHostNamespaces", f"{own} + {ports}", "none of the node's namespaces or ports"
    if rails.capabilities is not None:
        given = (
            "has(c.securityContext) && has(c.securityContext.capabilities) && has(c.securityContext.capabilities.add)"
        )
        added = f"c.securityContext.capabilities.add.filter(a, !(a in {literals(rails.capabilities)}))"
        found = f"{_CONTAINERS}.filter(c, {given} && {added}.size() > 0)"
        yield "capabilities", f"{found}.map(c, {_named('adds ')} + {added}.join(', '))", either(rails.capabilities)


def _security(field: str) -> str:
    return f"(has(c.securityContext) && has(c.securityContext.{field}) && c.securityContext.{field})"


def _windows(place: str) -> str:
    options = f"{place}.securityContext.windowsOptions"
    there = f"has({place}.securityContext) && has({options}) && has({options}.hostProcess)"
    return f"({there} && {options}.hostProcess)"


def _containers(condition: str, told: str) -> str:
    return f"{_CONTAINERS}.filter(c, {condition}).map(c, {_named(told)})"


def _named(told: str) -> str:
    return f"'container ' + c.name + {literal(f' {told}')}"


def _amounts(rails: Rails) -> Iterator[tuple[str, str, str]]:
    if rails.limits:
        yield "limits", " + ".join(_unlimited(each) for each in rails.limits), f"a limit of {either(rails.limits)}"
    if rails.highest_priority is not None:
        high = f"has({_SPEC}.priority) && {_SPEC}.priority > {rails.highest_priority}"
        found = when(high, f"['priority ' + string({_SPEC}.priority)]")
        yield "highestPriority", found, f"at most {rails.highest_priority}"
    if rails.priority_classes is not None:
        yield (
            "priorityClasses",
            _named_field("priorityClassName", rails.priority_classes),
            either(rails.priority_classes),
        )
    if rails.gpus_per_pod is not None:
        yield "gpusPerPod", _too_many_gpus(rails.gpus_per_pod), f"at most {rails.gpus_per_pod}"
    if rails.gpu_resources is not None:
        other = f"c.resources.limits.filter(k, {_OF_GPUS} && !(k in {literals(rails.gpu_resources)}))"
        found = f"{_CONTAINERS}.filter(c, {_LIMITS} && {other}.size() > 0)"
        yield "gpuResources", f"{found}.map(c, {_named('has ')} + {other}.join(', '))", either(rails.gpu_resources)
    if rails.gpu_models is not None:
        uses = f"{_CONTAINERS}.exists(c, {_LIMITS} && c.resources.limits.exists(k, {_OF_GPUS}))"
        held = _held_to(_MODEL, rails.gpu_models)
        told = literals([f"GPUs without a {_MODEL} chosen by nodeSelector or node affinity"])
        yield "gpuModels", when(f"{uses} && !({held})", told), either(rails.gpu_models)


def _unlimited(resource: str) -> str:
    """Return who has no limit; of pods alone: a LimitRange gives them theirs when they are made."""
    key = literal(resource)
    lacks = f"!({_LIMITS} && {key} in c.resources.limits)"
    whole = f"has({_SPEC}.resources) && has({_SPEC}.resources.limits) && {key} in {_SPEC}.resources.limits"
    found = f"variables.running[i].filter(c, {lacks}).map(c, {_named(f'has no limit of {resource}')})"
    return when(f"request.resource.resource == 'pods' && !({whole})", found)


def _too_many_gpus(most: int) -> str:
    amount = "quantity(string(c.resources.limits[k])).asInteger()"
    count = f"({_LIMITS} ? c.resources.limits.filter(k, {_WHOLE_GPUS}).map(k, {amount}).sum() : 0)"
    beside = f"{_SPEC}.initContainers.filter(c, has(c.restartPolicy) && c.restartPolicy == 'Always')"
    sidecars = f"(has({_SPEC}.initContainers) ? {beside}.map(c, {count}).sum() : 0)"
    together = f"{_SPEC}.containers.map(c, {count}).sum() + {sidecars}"
    alone = f"{_CONTAINERS}.filter(c, {count} > {most}).map(c, {_named('has too many GPUs')})"
    many = when(f"{together} > {most}", f"['GPUs: ' + string({together})]")
    return f"{many} + {alone}"


def _named_field(field: str, allowed: Sequence[str]) -> str:
    place = f"{_SPEC}.{field}"
    return when(f"has({place}) && {place} != '' && !({place} in {literals(allowed)})", f"['{field} ' + {place}]")


def _placement(rails: Rails) -> Iterator[tuple[str, str, str]]:
    if rails.schedulers is not None:
        bound = when(f"has({_SPEC}.nodeName) && {_SPEC}.nodeName != ''", f"['nodeName ' + {_SPEC}.nodeName]")
        found = f"{_named_field('schedulerName', rails.schedulers)} + {bound}"
        yield "schedulers", found, either(rails.schedulers)
    if rails.tolerations is not None:
        key, amount = "(has(t.key) ? t.key : '')", "(has(t.value) ? t.value : '')"
        equal = "(!has(t.operator) || t.operator == 'Equal')"
        allowed = literals(rails.tolerations)
        good = f"{key} != '' && ({key} in {allowed} || ({equal} && {key} + '=' + {amount} in {allowed}))"
        told = f"'toleration of ' + ({key} == '' ? 'every taint' : {key} + ({equal} ? '=' + {amount} : ''))"
        found = f"{_SPEC}.tolerations.filter(t, {_OTHER_TAINTS} && !({good})).map(t, {told})"
        yield "tolerations", when(f"has({_SPEC}.tolerations)", found), either(rails.tolerations)
    if rails.node_labels:
        found = " + ".join(_other_nodes(key, values) for key, values in sorted(rails.node_labels.items()))
        allowed = "; ".join(f"{key} {either(values)}" for key, values in sorted(rails.node_labels.items()))
        yield "nodeLabels", found, allowed


def _terms() -> str:
    return f"{_SPEC}.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"


def _has_terms() -> str:
    required = f"{_SPEC}.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
    return f"has({_SPEC}.affinity) && has({_SPEC}.affinity.nodeAffinity) && has({required})"


def _held_to(key: str, values: Sequence[str]) -> str:
    """Say that a pod can only run on nodes whose label has one of these values."""
    name, allowed = literal(key), literals(values)
    selected = (
        f"has({_SPEC}.nodeSelector) && {name} in {_SPEC}.nodeSelector && {_SPEC}.nodeSelector[{name}] in {allowed}"
    )
    wanted = f"e.key == {name} && e.operator == 'In' && e.values.all(v, v in {allowed})"
    # Any one of the terms is enough for a node.
    each = f"{_terms()}.all(t, has(t.matchExpressions) && t.matchExpressions.exists(e, {wanted}))"
    return f"({selected}) || ({_has_terms()} && {each})"


def _other_nodes(key: str, values: Sequence[str]) -> str:
    """Return where a pod asks for nodes of another value; one that does not ask is kept off them by taints."""
    name, allowed = literal(key), literals(values)
    mine = (
        f"has({_SPEC}.nodeSelector) && {name} in {_SPEC}.nodeSelector && !({_SPEC}.nodeSelector[{name}] in {allowed})"
    )
    wrong = f"e.key == {name} && (e.operator != 'In' || !e.values.all(v, v in {allowed}))"
    terms = f"{_terms()}.exists(t, has(t.matchExpressions) && t.matchExpressions.exists(e, {wrong}))"
    selected = when(mine, f"[{literal(f'nodeSelector {key}=')} + {_SPEC}.nodeSelector[{name}]]")
    return f"{selected} + {when(f'{_has_terms()} && {terms}', literals([f'node affinity for other values of {key}']))}"
