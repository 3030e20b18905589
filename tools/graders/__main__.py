"""`python -m tools.graders`: grade what `kubewright install` puts into a cluster, and the Dockerfile."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from kubewright.cli.yamlform import dump_all
from kubewright.install.manifests import manifests
from kubewright.install.settings import Settings
from tools.cluster.binaries import KUBE_SCORE
from tools.cluster.gomodule import cache_root

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
IMAGE = f"kubewright@sha256:{'0' * 64}"
"""Pinned, as an image should be where it matters; which one is not the graders' matter."""

EVERYTHING = Settings(
    image=IMAGE,
    prometheus="http://prometheus.monitoring:9090",
    alerts_secret="alertmanager",  # noqa: S106  a name
    oidc_issuer="https://id.example",
    oidc_client_id="kubewright",
    oidc_secret="oidc",  # noqa: S106  a name
    behind_tls=True,
)
"""With all that can be chosen, and so with all that is mounted and listened at."""


def main() -> int:
    """Grade; 0 when nobody has anything to say."""
    programs = _environment()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "install.yaml"
        file.write_text(dump_all(manifests(EVERYTHING)), encoding="utf-8")
        found = [*_kube_score(file), *_checkov(programs, file, "kubernetes")]
    dockerfile = ROOT / "deploy" / "Dockerfile"
    found += _checkov(programs, dockerfile, "dockerfile")
    linted = subprocess.run([programs / "hadolint", dockerfile], capture_output=True, text=True, check=False)
    found += linted.stdout.splitlines()
    print(*found, sep="\n")
    print(f"{len(found)} findings")
    return 1 if found else 0


def _environment() -> Path:
    """Make the graders' environment where it is missing, and give its programs' directory."""
    lock = FOLDER / "requirements.lock"
    place = cache_root() / "graders"
    made = place / "requirements.lock"
    if not made.is_file() or made.read_bytes() != lock.read_bytes():
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        pip = [place / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", lock], check=True)
        made.write_bytes(lock.read_bytes())
    return place / "bin"


def _kube_score(file: Path) -> list[str]:
    command = [KUBE_SCORE.build() / "kube-score", "score", file, "-o", "ci"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    print(f"kube-score: {sum(line.startswith('[OK]') for line in said)} checks passed")
    return [line for line in said if not line.startswith(("[OK]", "[SKIPPED]"))]


def _checkov(programs: Path, file: Path, framework: str) -> list[str]:
    command = [programs / "checkov", "-f", file, "--framework", framework, "--compact", "--quiet", "-o", "json"]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    if "summary" not in said:
        said = {"summary": said, "results": {"failed_checks": []}}
    print(f"checkov of {framework}: {said['summary']['passed']} checks passed, {said['summary']['failed']} failed")
    failed = said["results"]["failed_checks"]
    return [f"{each['check_id']} {each['check_name']} {each['resource']}" for each in failed]


if __name__ == "__main__":
    raise SystemExit(main())
