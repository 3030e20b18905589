"""What each workload should request, how sure that is, and what it saves: for `kubewright size`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kubewright.api.core import Pod
from kubewright.api.crds.containersize import ContainerSize
from kubewright.api.crds.sizepolicy import SizeAdvice, SizePolicySpec
from kubewright.api.resources import write_amount
from kubewright.api.workload import Workload, workload_of
from kubewright.devices.workload import MILLI
from kubewright.scaling.sizing import BYTES, CORES
from kubewright.sizing.book import Book
from kubewright.sizing.decide import Known, Seen, decide
from kubewright.sizing.gpus import GpuAdvice, Gpus


@dataclass(frozen=True, slots=True)
class Report:
    """One workload."""

    workload: Workload
    pods: int
    advice: tuple[SizeAdvice, ...]
    saves_cpu: str
    """Cores that all pods request beyond the targets; negative if less."""
    saves_memory: str
    gpus: tuple[GpuAdvice, ...] = ()
    upcoming: tuple[ContainerSize, ...] = ()
    """What its SizePolicy has for its next release."""

    @property
    def saves_gpus(self) -> float:
        """Return how many GPUs all pods have beyond what would have sufficed."""
        return sum(each.saves_milli for each in self.gpus) / MILLI


def knowledge(
    book: Book, workload: Workload, pods: Iterable[Pod], resources: Sequence[str], now: float
) -> dict[str, Known]:
    """Return what is known of each container of a workload's pods."""
    names = dict.fromkeys(each.name for pod in pods for each in pod.spec.containers)
    return {
        name: Known(
            {each: book.advise(workload, name, each, now) for each in resources},
            {each: book.days(workload, name, each) for each in resources},
        )
        for name in names
    }


def reports(pods: Iterable[Pod], book: Book, now: float, gpus: Gpus | None = None) -> list[Report]:
    """Return a report of every workload that has running pods, by namespace, kind and name.

    A pod by itself is one where it has GPUs: what it should request of them is all that is told of it.
    """
    gpus = gpus or Gpus()
    by_workload: dict[Workload, list[Pod]] = {}
    found: list[Report] = []
    for pod in pods:
        workload = workload_of(pod)
        if pod.status.phase != "Running":
            continue
        if workload is not None:
            by_workload.setdefault(workload, []).append(pod)
        elif advice := gpus.advise((pod,)):
            found.append(Report(Workload(pod.metadata.namespace, "Pod", pod.metadata.name), 1, (), "0", "0", advice))
    for workload, theirs in by_workload.items():
        spec = SizePolicySpec()
        known = knowledge(book, workload, theirs, spec.resources, now)
        turn = decide(Seen(spec, theirs, known, _not_asked), lambda _: False, now)
        cpu, memory = turn.saves.get(CORES, 0), turn.saves.get(BYTES, 0)
        saved = write_amount(CORES, cpu), write_amount(BYTES, memory)
        found.append(Report(workload, len(theirs), turn.advice, *saved, gpus.advise(theirs)))
    return sorted(found, key=lambda each: each.workload)


def _not_asked(pod: Pod, container: str) -> float | None:
    """Stand for the memory in use: who only recommends makes nothing smaller."""
    del pod, container
