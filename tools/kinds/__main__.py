"""The command line: `python -m tools.kinds [--kubeconfig FILE] [--check]`."""

import argparse
import json
import lzma
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tools.cluster.access import Https
from tools.cluster.binaries import CONTROL_PLANE, VERSION
from tools.cluster.gomodule import go_command
from tools.cluster.plane import ControlPlane
from tools.kinds import messages, resources, schemas

OUTPUT = Path(__file__).resolve().parents[2] / "src" / "kubewright" / "twin" / "kinds.json.xz"
GO_MODULES = ("api", "apimachinery", "apiextensions-apiserver", "kube-aggregator", "metrics")
GROUP_VERSIONS = (
    "v1",
    "admissionregistration.k8s.io/v1",
    "apiextensions.k8s.io/v1",
    "apiregistration.k8s.io/v1",
    "apps/v1",
    "authentication.k8s.io/v1",
    "authorization.k8s.io/v1",
    "autoscaling/v1",
    "autoscaling/v2",
    "batch/v1",
    "certificates.k8s.io/v1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "events.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1",
    "networking.k8s.io/v1",
    "node.k8s.io/v1",
    "policy/v1",
    "rbac.authorization.k8s.io/v1",
    "resource.k8s.io/v1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1",
)
# Not served by a control plane alone, but read and written through protobuf by clients.
EXTRA_MESSAGES = (
    "io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadataList",
    "io.k8s.apimachinery.pkg.apis.meta.v1.TableOptions",
    "io.k8s.apimachinery.pkg.runtime.Unknown",
    "io.k8s.metrics.pkg.apis.metrics.v1beta1.NodeMetricsList",
    "io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetricsList",
)
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def main(arguments: list[str] | None = None) -> int:
    """Write the file, or with --check only tell whether it is up to date."""
    parser = argparse.ArgumentParser(prog="python -m tools.kinds", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, help="of a running control plane; without it one is started")
    parser.add_argument("--check", action="store_true", help="compare with the file instead of writing it")
    options = parser.parse_args(arguments)
    text = json.dumps(_collected(options.kubeconfig), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if options.check:
        return _check(text)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{OUTPUT.name}: {OUTPUT.stat().st_size / 1000:.0f} KB, {len(text) / 1000:.0f} KB unpacked")
    return 0


def _check(text: str) -> int:
    """Compare what is packed, because another liblzma may pack the same text differently."""
    if lzma.decompress(OUTPUT.read_bytes()).decode() == text:
        return 0
    print(f"{OUTPUT.name} is not what {VERSION} says: run `python -m tools.kinds`", file=sys.stderr)
    return 1


def _collected(kubeconfig: Path | None) -> dict[str, Any]:
    if kubeconfig is not None:
        return collected(Https.of_kubeconfig(kubeconfig))
    with tempfile.TemporaryDirectory() as state:
        plane = ControlPlane.start(Path(state), controllers=False, scheduler=False)
        with plane:
            return collected(plane.https())


def collected(server: Https) -> dict[str, Any]:
    """Ask a server for everything and give the document that the package's docstring describes."""
    definitions = schemas.merged({name: server.json(f"/openapi/v3/{_path(name)}") for name in GROUP_VERSIONS})
    if missing := schemas.dangling(definitions):
        raise ValueError(f"definitions that no document has: {sorted(missing)}")
    by_kind = schemas.by_kind(definitions)
    entries = [entry for entry in _discovered(server) if _group_version(entry) in GROUP_VERSIONS]
    for entry in entries:
        entry["schema"] = by_kind[entry["group"], entry["version"], entry["kind"]]
        entry["columns"] = resources.columns(entry, lambda path: server.json(path, accept=TABLE))
    fields, keeps_empty = messages.tables(_sources(), [*definitions, *EXTRA_MESSAGES])
    return {
        "version": server.json("/version")["gitVersion"],
        "resources": entries,
        "schemas": definitions,
        "protobuf": fields,
        "protobufKeepsEmpty": keeps_empty,
    }


def _discovered(server: Https) -> Iterable[dict[str, Any]]:
    for path in ("/api", "/apis"):
        yield from resources.flattened(server.json(path, accept=DISCOVERY))


def _path(group_version: str) -> str:
    return f"apis/{group_version}" if "/" in group_version else f"api/{group_version}"


def _group_version(entry: dict[str, Any]) -> str:
    return f"{entry['group']}/{entry['version']}" if entry["group"] else entry["version"]


def _sources() -> list[messages.Source]:
    names = [f"k8s.io/{name}" for name in GO_MODULES]
    command = [go_command(CONTROL_PLANE.source), "mod", "download", "-json", *names]
    answer = subprocess.run(command, cwd=CONTROL_PLANE.source, capture_output=True, text=True, check=True).stdout
    directories = [json.loads(part)["Dir"] for part in answer.replace("}\n{", "}\0{").split("\0")]
    return [source for directory in directories for source in messages.read(Path(directory))]


if __name__ == "__main__":
    sys.exit(main())
