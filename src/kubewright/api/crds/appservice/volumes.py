"""Where an application keeps data: volumes and where they are mounted."""

from __future__ import annotations

from typing import Annotated, ClassVar

from kubewright.api.crds.appservice.container import NOT_EMPTY
from kubewright.api.described import Rule, described
from kubewright.api.meta import Leaf
from kubewright.api.quantity import Quantity

_DNS_LABEL = {"maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}
_PATH = {"maxLength": 1024, "pattern": "^/"}
_ACCESS = {"enum": ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]}
_SOURCES = " + ".join(
    f"(has(self.{name}) ? 1 : 0)" for name in ("emptyDir", "hostPath", "claim", "template", "configMap", "secret")
)


class EmptyDir(Leaf, frozen=True):
    """A folder that lives as long as the pod."""

    size: Annotated[Quantity | None, described("How much it may hold.")] = None
    memory: Annotated[bool, described("Keep it in memory.")] = False


class HostPath(Leaf, frozen=True):
    """A path of the node, where policy allows it."""

    path: Annotated[str, described("The path on the node.", {"pattern": "^/"}, required=True)] = ""
    type: Annotated[str, described("What must be there, such as DirectoryOrCreate.")] = ""


class ClaimTemplate(Leaf, frozen=True):
    """A claim made for the application; of a stateful one, one for each pod."""

    size: Annotated[Quantity | None, described("How much is asked for.", required=True)] = None
    storage_class: Annotated[str, described("The StorageClass; the cluster's default by default.")] = ""
    access_mode: Annotated[str, described("Who may mount it at once.", _ACCESS, publish_default=True)] = "ReadWriteOnce"
    delete: Annotated[bool, described("Delete the data with the application; else it is kept.")] = False


class ObjectVolume(Leaf, frozen=True):
    """The keys of a ConfigMap or a Secret, as files."""

    name: Annotated[str, described("The object's name.", NOT_EMPTY, required=True)] = ""
    optional: Annotated[bool, described("Whether pods start without it.")] = False


class AppServiceVolume(Leaf, frozen=True):
    """A volume and where it is mounted."""

    name: Annotated[str, described("Its name.", _DNS_LABEL, required=True)] = ""
    mount_path: Annotated[str, described("Where the container sees it.", _PATH, required=True)] = ""
    sub_path: Annotated[str, described("Mount only this path in the volume.")] = ""
    read_only: Annotated[bool, described("Let nobody write into it.")] = False
    empty_dir: Annotated[EmptyDir | None, described("A folder that lives as long as the pod.")] = None
    host_path: Annotated[HostPath | None, described("A path of the node.")] = None
    claim: Annotated[str, described("A PersistentVolumeClaim that is there.", NOT_EMPTY)] = ""
    template: Annotated[ClaimTemplate | None, described("A PersistentVolumeClaim that is made.")] = None
    config_map: Annotated[ObjectVolume | None, described("A ConfigMap's keys as files.")] = None
    secret: Annotated[ObjectVolume | None, described("A Secret's keys as files.")] = None

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"{_SOURCES} == 1",
            "a volume has one source: name one of emptyDir, hostPath, claim, template, configMap and secret",
        ),
    )
