"""Write the RBAC objects that a control plane made at its start as `policy.json.xz`, the twin's own.

    python -m tools.policy --kubeconfig FILE [--check]

Only names, labels, rules and subjects are kept. `--check` writes nothing and fails when the twin's differ.
"""

import argparse
import json
import lzma
import sys
from pathlib import Path
from typing import Any

from tools.cluster.access import Https

ROOT = "/apis/rbac.authorization.k8s.io/v1"
PLURALS = ("clusterroles", "clusterrolebindings", "roles", "rolebindings")
PART = ("aggregationRule", "rules", "roleRef", "subjects")
DEFAULT_LABEL = "kubernetes.io/bootstrapping"
PACKED = Path(__file__).parents[2] / "src/kubewright/twin/access/policy.json.xz"


def main() -> int:
    """Read, then write or compare."""
    parser = argparse.ArgumentParser(description="The RBAC objects that a control plane makes at its start.")
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    options = parser.parse_args()
    found = policy(Https.of_kubeconfig(options.kubeconfig))
    if options.check:
        same = json.loads(lzma.decompress(PACKED.read_bytes())) == found
        print("the twin's policy is the control plane's" if same else "the twin's policy differs")
        return not same
    text = json.dumps(found, separators=(",", ":"))
    PACKED.write_bytes(lzma.compress(text.encode(), preset=9))
    print(f"{PACKED}: {sum(map(len, found.values()))} objects, {PACKED.stat().st_size} bytes")
    return 0


def policy(server: Https) -> dict[str, list[Any]]:
    """Give plural -> objects, those that the API server marked as its own."""
    listed = {plural: server.json(f"{ROOT}/{plural}")["items"] for plural in PLURALS}
    return {plural: [part(each) for each in items if is_own(each)] for plural, items in listed.items()}


def is_own(each: Any) -> bool:
    """Tell whether the API server made it."""
    return DEFAULT_LABEL in (each["metadata"].get("labels") or {})


def part(each: Any) -> dict[str, Any]:
    """Keep what is the same on every cluster."""
    metadata = {
        name: each["metadata"][name]
        for name in ("annotations", "labels", "name", "namespace")
        if each["metadata"].get(name)
    }
    return {"metadata": metadata, **{name: each[name] for name in PART if name in each}}


if __name__ == "__main__":
    sys.exit(main())
