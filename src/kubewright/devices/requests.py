"""What pods ask of GPUs and what nodes have of them, read off their resources and labels.

A pod asks for whole GPUs by `nvidia.com/gpu`. It asks for a part by `nvidia.com/gpumem-percentage` and
`nvidia.com/gpucores` (per cent of one GPU, as HAMi has them), which nodes offer that share their GPUs: 100 of each for
every GPU. The larger of the two is what it takes. Instances of MIG are resources of their own and need nothing of this.
Where NVIDIA's plugin shares by time or MPS, GPUs are not told apart, and the number of replicas alone decides.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubewright.api.core import Node, Pod
from kubewright.api.nodeagent import quarantined
from kubewright.api.pods import PodSpec
from kubewright.api.quantity import value
from kubewright.api.resources import CPU, MEMORY
from kubewright.devices.workload import MILLI, GpuRequest

VENDOR = "nvidia.com/"
"""What the names of all of NVIDIA's resources begin with."""
GPU = "nvidia.com/gpu"
CORES = "nvidia.com/gpucores"
MEMORY_SHARE = "nvidia.com/gpumem-percentage"
SHARED = "nvidia.com/gpu.shared"
"""What NVIDIA's plugin may call replicas that it makes of GPUs by time or MPS."""
PRODUCT = "nvidia.com/gpu.product"
COUNT_LABEL = "nvidia.com/gpu.count"
MEMORY_LABEL = "nvidia.com/gpu.memory"
"""Of one GPU, in MiB."""
_STRATEGY = "nvidia.com/gpu.sharing-strategy"
_DIGITS = 9
GIVEN = "gpu.kubewright.dev/devices"
"""The annotation by which the scheduler tells the node agent which GPUs a pod has: their numbers, by commas."""
_PER_CENT = MILLI // 100
MOST_GPUS = 64
"""On one node; one that says it has more lies, and is believed so far."""


def gpu_request(amounts: Mapping[str, int], spec: PodSpec) -> GpuRequest:
    """Return what a pod asks for; `amounts` is its request in all (`pod_request`)."""
    cpu, memory = amounts.get(CPU, 0), amounts.get(MEMORY, 0)
    count = amounts.get(GPU, 0)
    per_cent = max(amounts.get(CORES, 0), amounts.get(MEMORY_SHARE, 0))
    if not count and not per_cent:
        return GpuRequest(cpu, memory)
    count = max(count, 1)
    milli = min(-(-per_cent * _PER_CENT // count), MILLI) if per_cent else MILLI
    return GpuRequest(cpu, memory, count, milli, models(spec))


def counted(labels: Mapping[str, str], name: str = COUNT_LABEL) -> int | None:
    """Return what a label of GPU feature discovery counts, such as a node's GPUs; None where it says no such number."""
    text = labels.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def gpus_of(node: Node) -> int:
    """Return how many GPUs of a node are to be told apart."""
    allocatable = node.status.allocatable
    if has_replicas(node.metadata.labels):
        return 0
    try:
        shared = value(allocatable.get(CORES, 0)) // 100
        return min(max(shared or value(allocatable.get(GPU, 0)), 0), MOST_GPUS)
    except ValueError:
        return 0


def has_replicas(labels: Mapping[str, str]) -> bool:
    """Return whether NVIDIA's plugin shares the GPUs of a node with these labels by time or MPS."""
    return labels.get(_STRATEGY, "none") not in {"", "none"}


def free_milli(node: Node) -> list[int]:
    """Return what each GPU of a node has to give out, by number: nothing, where it is out of use."""
    out_of_use = quarantined(node)
    count = gpus_of(node)
    if out_of_use and count and not shares_gpus(node):
        # The device plugin has taken them off what is allocatable, or soon will have.
        count = min(count + len(out_of_use), max(count, value(node.status.capacity.get(GPU, 0))))
    return [0 if number in out_of_use else MILLI for number in range(count)]


def shares_gpus(node: Node) -> bool:
    """Return whether a node offers parts of GPUs."""
    return CORES in node.status.allocatable


def read_given(pod: Pod) -> tuple[int, ...] | None:
    """Return the GPUs that a pod was given, None if nobody said or what was said makes no sense."""
    text = pod.metadata.annotations.get(GIVEN, "")
    words = text.split(",")
    if not text or len(words) > MOST_GPUS or not all(word.isascii() and word.isdigit() for word in words):
        return None
    return tuple(int(word) for word in words if len(word) < len("1000"))


def write_given(gpus: tuple[int, ...]) -> dict[str, str]:
    """Return the annotation that says so."""
    return {GIVEN: ",".join(str(gpu) for gpu in gpus)} if gpus else {}


def models(spec: PodSpec) -> frozenset[str]:
    """Return the models that a pod must have one of, as far as its selector or a single affinity term says so."""
    if PRODUCT in spec.node_selector:
        return frozenset({spec.node_selector[PRODUCT]})
    affinity = spec.affinity.node_affinity if spec.affinity else None
    terms = affinity.required.node_selector_terms if affinity and affinity.required else ()
    expressions = terms[0].match_expressions if len(terms) == 1 else ()
    named = [frozenset(each.values) for each in expressions if each.key == PRODUCT and each.operator == "In"]
    return named[0].intersection(*named) if named else frozenset()
