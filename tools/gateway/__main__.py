"""Write the Gateway API's standard definitions as `gateway.json.xz`, the twin's own.

    python -m tools.gateway [--check]

Read from the Go module, whose checksum Go verifies. Descriptions are dropped: a fifth of it remains, and compressed a
hundredth. `--check` writes nothing and fails when the twin's differ.
"""

import argparse
import json
import lzma
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tools.cluster.binaries import CONTROL_PLANE
from tools.cluster.gomodule import go_command

MODULE, VERSION = "sigs.k8s.io/gateway-api", "v1.6.3"
PLURALS = ("gatewayclasses", "gateways", "grpcroutes", "httproutes", "referencegrants")
PACKED = Path(__file__).parents[2] / "src/kubewright/twin/gateway.json.xz"


def main() -> int:
    """Read, then write or compare."""
    parser = argparse.ArgumentParser(description="The definitions of the Gateway API's standard channel.")
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    options = parser.parse_args()
    found = definitions(downloaded())
    if options.check:
        same = json.loads(lzma.decompress(PACKED.read_bytes())) == found
        print("the twin's definitions are the module's" if same else "the twin's definitions differ")
        return not same
    text = json.dumps(found, separators=(",", ":"))
    PACKED.write_bytes(lzma.compress(text.encode(), preset=9))
    print(f"{PACKED}: {len(found)} definitions of {VERSION}, {len(text)} bytes, {PACKED.stat().st_size} compressed")
    return 0


def downloaded() -> Path:
    """Give the module's folder in Go's cache."""
    with tempfile.TemporaryDirectory() as folder:
        command = [go_command(CONTROL_PLANE.source), "mod", "download", "-json", f"{MODULE}@{VERSION}"]
        done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return Path(json.loads(done.stdout)["Dir"])


def definitions(module: Path) -> list[Any]:
    """Give the definitions, each as it is applied."""
    folder = module / "config" / "crd" / "standard"
    read = [yaml.safe_load((folder / f"gateway.networking.k8s.io_{plural}.yaml").read_text()) for plural in PLURALS]
    return [bare({name: part for name, part in each.items() if name != "status"}) for each in read]


def bare(part: Any, *, of_names: bool = False) -> Any:
    """Drop descriptions, but no property that is called so, and the null that says when it was made."""
    if isinstance(part, list):
        return [bare(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        name: bare(value, of_names=name == "properties" and not of_names)
        for name, value in part.items()
        if (of_names or name != "description" or not isinstance(value, str)) and name != "creationTimestamp"
    }


if __name__ == "__main__":
    sys.exit(main())
