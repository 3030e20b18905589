"""What it takes to describe an application, and what comes of it: the ten of `examples/apps`.

Counted for each: the leaf values that somebody types and the lines they stand in, the objects that come of them, and
the seconds from apply to Ready on the twin, in its own time. For three of them the same is counted of raw manifests, a
Helm chart and a KubeVela application (`examples/comparison`). What is rendered is graded by checkov, run from an
environment of its own (`--checkov`), and by kube-score (`python -m tools.cluster build kube-score`).
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from benches.report import Result, report, result, unmeasured
from kubewright.cli.documents import admitted
from kubewright.cli.yamlform import dump_all
from kubewright.clock import run_virtual
from kubewright.workloads.children import wanted
from tests.sim.test_examples import EXAMPLES, SPACE, seconds_to_ready
from tools.cluster.binaries import KUBE_SCORE
from tools.cluster.failure import ClusterError

COMPARISON = Path("examples/comparison")
FORMS = {"raw": "raw manifests", "helm": "a Helm chart", "kubevela": "KubeVela"}
MOST_VALUES = 35
_TEMPLATED = re.compile(r"\{\{[^}]*\}\}")


def leaves(document: Any) -> int:
    """Count the values that somebody types: not the names of fields, nor what says of which kind an object is."""
    if isinstance(document, dict):
        head = {"apiVersion", "kind"} if "apiVersion" in document else set()
        return sum(leaves(value) for name, value in document.items() if name not in head)
    if isinstance(document, list):
        return sum(map(leaves, document))
    return 1


def counted(paths: Iterable[Path]) -> tuple[int, int, int]:
    """Return the values, lines and objects of files; a chart's templates are written so that they are YAML as well."""
    values = lines = objects = 0
    for path in paths:
        text = _TEMPLATED.sub("x", path.read_text())
        lines += sum(1 for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
        documents = [each for each in yaml.safe_load_all(text) if each]
        values += sum(map(leaves, documents))
        objects += sum(1 for each in documents if "kind" in each)
    return values, lines, objects


def rendered(path: Path) -> list[dict[str, Any]]:
    """Return the children of an example's applications."""
    documents = list(yaml.safe_load_all(path.read_text()))
    return [child.manifest for app in run_virtual(admitted(documents, SPACE)) for child in wanted(app)]


def graded_by_checkov(program: Path, manifests: Path) -> tuple[int, list[str]]:
    """Return how many checks passed, and which failed."""
    command = [program, "-f", manifests, "--framework", "kubernetes", "--compact", "--quiet", "-o", "json"]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    failed = [f"{each['check_id']} {each['resource']}" for each in said["results"]["failed_checks"]]
    return said["summary"]["passed"], failed


def graded_by_kube_score(program: Path, manifests: Path) -> list[str]:
    """Return what kube-score finds critical."""
    said = subprocess.run([program, "score", manifests, "-o", "ci"], capture_output=True, text=True, check=False).stdout
    return [line for line in said.splitlines() if line.startswith("[CRITICAL]")]


def descriptions() -> list[Result]:
    """Count what is typed and what comes of it."""
    found: list[Result] = []
    fullest = 0
    for path in EXAMPLES:
        values, lines, apps = counted([path])
        fullest = max(fullest, *(leaves(each) for each in yaml.safe_load_all(path.read_text())))
        children = len(rendered(path))
        print(f"{path.stem}: {apps} AppServices, {values} values in {lines} lines, become {children} objects")
    found.append(
        result("values typed for the fullest application", "values", [fullest], goal=MOST_VALUES, less_is_better=True)
    )
    for folder in sorted(each for each in COMPARISON.iterdir() if each.is_dir()):
        ours = counted([Path("examples/apps") / f"{folder.name}.yaml"])
        for form, title in FORMS.items():
            theirs = counted(each for each in sorted((folder / form).rglob("*")) if each.is_file())
            print(f"{folder.name} as {title}: {theirs[0]} values in {theirs[1]} lines, {theirs[2]} objects")
            found.append(result(f"{folder.name}: values of {title} to ours", "times", [theirs[0] / ours[0]]))
    return found


def grades(checkov: Path | None) -> list[Result]:
    """Grade what is rendered of all ten, in one file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "all.yaml"
        file.write_text(dump_all(manifest for path in EXAMPLES for manifest in rendered(path)))
        return [_checkov(checkov, file), _kube_score(file)]


def _checkov(program: Path | None, file: Path) -> Result:
    case = "checkov: failed checks of all that is rendered"
    if program is None:
        return unmeasured(case, "checks", goal=0, why="no checkov: --checkov names one, of an environment of its own")
    passed, failed = graded_by_checkov(program, file)
    print(f"checkov: {passed} passed, {len(failed)} failed", *failed, sep="\n  ")
    return result(case, "checks", [len(failed)], goal=0, less_is_better=True)


def _kube_score(file: Path) -> Result:
    case = "kube-score: critical findings of all that is rendered"
    try:
        program = KUBE_SCORE.binary("kube-score")
    except ClusterError as error:
        return unmeasured(case, "findings", goal=0, why=str(error))
    critical = graded_by_kube_score(program, file)
    print(f"kube-score: {len(critical)} critical", *critical, sep="\n  ")
    return result(case, "findings", [len(critical)], goal=0, less_is_better=True)


def times() -> list[Result]:
    """Measure from apply to Ready on the twin, in the seconds of its virtual time."""
    found = {path.stem: run_virtual(seconds_to_ready(path)) for path in EXAMPLES}
    for name, seconds in found.items():
        print(f"{name}: Ready {seconds:.0f} s after its one command, kubectl apply")
    return [result("apply to Ready on the twin, median of ten", "s", [statistics.median(found.values())])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkov", type=Path, help="the program, such as VENV/bin/checkov (3.3.30)")
    options = parser.parse_args()
    report("delivery", [*descriptions(), *times(), *grades(options.checkov)])


if __name__ == "__main__":
    main()
