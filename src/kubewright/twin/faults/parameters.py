"""What the types of faults are told besides whom they hit: one Struct for each type that takes parameters.

`FaultSpec` has a field for each, named as the type is. Defaults are published, so that `kubectl get -o yaml` shows what
is in force.
"""

from __future__ import annotations

from typing import Annotated, Literal

from kubewright.api.described import described
from kubewright.api.meta import Leaf
from kubewright.api.quantity import Quantity
from kubewright.twin.faults.selection import PodSelection

_DAY_SECONDS = 86_400
_DEVICE = {"minimum": 0, "maximum": 63}
_PERCENT = {"minimum": 1, "maximum": 100}
_SECONDS = {"minimum": 0, "maximum": _DAY_SECONDS}
_EXIT_CODE = {"minimum": 0, "maximum": 255}
_MILLISECONDS = {"minimum": 1, "maximum": 600_000}
_CONTAINER = "The container; the first one by default."
_GPU = "The GPU's index on its node."
_TO = "The other side; every pod by default."


class SlowDisk(Leaf, frozen=True):
    """Pulling images and starting containers takes longer."""

    factor: Annotated[
        int, described("So many times as long.", {"minimum": 2, "maximum": 1000}, publish_default=True)
    ] = 10


class ClockSkew(Leaf, frozen=True):
    """The node's clock is wrong."""

    seconds: Annotated[
        int,
        described(
            "How far it is ahead, or behind.", {"minimum": -_DAY_SECONDS, "maximum": _DAY_SECONDS}, required=True
        ),
    ] = 0


class GpuXid(Leaf, frozen=True):
    """The driver reports an error of a GPU."""

    code: Annotated[int, described("The XID.", {"minimum": 1, "maximum": 999}, publish_default=True)] = 79
    device: Annotated[int, described(_GPU, _DEVICE, publish_default=True)] = 0


class GpuEcc(Leaf, frozen=True):
    """A GPU's memory loses bits."""

    errors: Annotated[
        Literal["Uncorrectable", "Correctable", "RemapPending"],
        described("Which kind; with RemapPending rows wait for a reset to be replaced.", publish_default=True),
    ] = "Uncorrectable"
    device: Annotated[int, described(_GPU, _DEVICE, publish_default=True)] = 0


class GpuHung(Leaf, frozen=True):
    """A GPU works on and gets nothing done."""

    device: Annotated[int, described(_GPU, _DEVICE, publish_default=True)] = 0


class GpuThrottled(Leaf, frozen=True):
    """A GPU slows itself down."""

    device: Annotated[int, described(_GPU, _DEVICE, publish_default=True)] = 0
    reason: Annotated[Literal["Thermal", "Power"], described("Why.", publish_default=True)] = "Thermal"


class NvlinkError(Leaf, frozen=True):
    """A link between GPUs loses data."""

    device: Annotated[int, described(_GPU, _DEVICE, publish_default=True)] = 0


class DiskFailing(Leaf, frozen=True):
    """A disk reports errors; what is on it can still be read."""

    device: Annotated[str, described("What the kernel calls it.", {"maxLength": 63}, publish_default=True)] = "sda"


class MemoryLeak(Leaf, frozen=True):
    """A container's memory grows until it is killed."""

    bytes_per_second: Annotated[Quantity, described("How fast it grows.", required=True)] = "1Mi"
    container: Annotated[str, described(_CONTAINER)] = ""


class CpuStress(Leaf, frozen=True):
    """A container burns CPU."""

    cores: Annotated[Quantity, described("How much more it uses.", required=True)] = "1"
    container: Annotated[str, described(_CONTAINER)] = ""


class ContainerCrash(Leaf, frozen=True):
    """A container exits once."""

    exit_code: Annotated[int, described("With this code.", _EXIT_CODE, publish_default=True)] = 137
    container: Annotated[str, described(_CONTAINER)] = ""


class CrashLoop(Leaf, frozen=True):
    """A container exits each time that it runs."""

    after_seconds: Annotated[int, described("So long after its start.", _SECONDS, publish_default=True)] = 5
    exit_code: Annotated[int, described("With this code.", _EXIT_CODE, publish_default=True)] = 1
    container: Annotated[str, described(_CONTAINER)] = ""


class ImagePullFailure(Leaf, frozen=True):
    """An image cannot be pulled."""

    reason: Annotated[
        Literal["NotFound", "Unauthorized", "Timeout"], described("What the registry answers.", publish_default=True)
    ] = "NotFound"


class BadRelease(Leaf, frozen=True):
    """Containers turn bad some time after their start, as a release with a defect does."""

    after_seconds: Annotated[int, described("So long after the start.", _SECONDS, publish_default=True)] = 0
    mode: Annotated[
        Literal["Errors", "NotReady", "Crash"],
        described("Requests fail, the readiness probe does, or the container exits.", publish_default=True),
    ] = "Errors"
    error_percent: Annotated[
        int, described("With Errors: so many of a hundred requests fail.", _PERCENT, publish_default=True)
    ] = 100


class ProbeFailure(Leaf, frozen=True):
    """A probe fails, whatever the container does."""

    probe: Annotated[Literal["Readiness", "Liveness", "Startup"], described("Which.", publish_default=True)] = (
        "Readiness"
    )
    container: Annotated[str, described("The container; all by default.")] = ""


class NetworkDelay(Leaf, frozen=True):
    """Packets between the pods and the other side take longer, both ways."""

    milliseconds: Annotated[int, described("How much longer.", _MILLISECONDS, required=True)] = 0
    jitter_milliseconds: Annotated[int, described("And up to so much more.", {"minimum": 0, "maximum": 600_000})] = 0
    to: Annotated[PodSelection, described(_TO)] = PodSelection()


class NetworkLoss(Leaf, frozen=True):
    """Packets between the pods and the other side get lost, both ways."""

    percent: Annotated[int, described("So many of a hundred.", _PERCENT, required=True)] = 100
    to: Annotated[PodSelection, described(_TO)] = PodSelection()


class NetworkPartition(Leaf, frozen=True):
    """Nothing passes between the pods and the other side."""

    to: Annotated[PodSelection, described(_TO)] = PodSelection()


class DnsFailure(Leaf, frozen=True):
    """Names do not resolve for the pods."""

    percent: Annotated[int, described("So many of a hundred look-ups fail.", _PERCENT, publish_default=True)] = 100


class StuckFinalizer(Leaf, frozen=True):
    """Objects bear a finalizer that nobody takes off."""

    finalizer: Annotated[
        str,
        described(
            "The finalizer.",
            {
                "pattern": "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$",
                "maxLength": 253,
            },
            publish_default=True,
        ),
    ] = "twin.kubewright.dev/stuck"


class WebhookOutage(Leaf, frozen=True):
    """An admission webhook is away."""

    mode: Annotated[
        Literal["Refused", "Timeout"], described("Whether it refuses connections or is silent.", publish_default=True)
    ] = "Refused"


class ApiLatency(Leaf, frozen=True):
    """Requests wait before they are answered."""

    milliseconds: Annotated[int, described("So long.", _MILLISECONDS, required=True)] = 0
    jitter_milliseconds: Annotated[int, described("And up to so much more.", {"minimum": 0, "maximum": 600_000})] = 0


class ApiError(Leaf, frozen=True):
    """Requests are refused; with 409 only updates and patches are."""

    code: Annotated[int, described("The answer's code.", {"enum": [409, 429, 500, 503, 504]}, required=True)] = 500
    retry_after_seconds: Annotated[
        int, described("With 429, 503 and 504: when to try again.", _SECONDS, publish_default=True)
    ] = 1


class ApiReset(Leaf, frozen=True):
    """Connections are reset instead of answered."""

    when: Annotated[
        Literal["Before", "After"],
        described(
            "Before the request is carried out, or after it: then only its answer is lost.", publish_default=True
        ),
    ] = "Before"


class WatchDrop(Leaf, frozen=True):
    """Watches end, those that are open at once and later ones after a while."""

    after_seconds: Annotated[int, described("How long later ones last.", _SECONDS, publish_default=True)] = 1
    expired: Annotated[bool, described("Whether they are told 410: that they have to list again.")] = False
