"""A project made, and a kind added to one: files filled in, the list of controllers and the definitions kept right."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import yaml

from kubewright.errors import ErrorKind, OpError
from kubewright.scaffold.filling import fill
from kubewright.scaffold.names import Names

ANSWERS = ".copier-answers.yml"
_SECONDS = 120


def new_operator(names: Names, target: Path) -> list[Path]:
    """Make a project with its first kind; raises OpError, before anything is written, where something is there."""
    answers = names.answers()
    written = fill("operator", target, answers) + fill("api", target, answers)
    _tidy(target)
    return [*written, write_definitions(target, answers["package"])]


def new_api(kind: str, plural: str, target: Path) -> list[Path]:
    """Add a kind to the project; raises OpError when there is none, or when its list cannot be found."""
    project = read_answers(target)
    answers = Names(project["name"], kind, project["group"], plural).answers()
    package = project["package"]
    app = target / package / "app.py"
    changed = with_controller(app.read_text(encoding="utf-8"), package, answers["module"])
    written = fill("api", target, answers | {"package": package})
    app.write_text(changed, encoding="utf-8")
    _tidy(target)
    return [*written, app, write_definitions(target, package)]


def read_answers(target: Path) -> dict[str, str]:
    """Return what the project was made with."""
    path = target / ANSWERS
    try:
        answers: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = cast("dict[str, str]", answers)
        return {name: found[name] for name in ("name", "package", "group")}
    except FileNotFoundError as error:
        detail = "not there: run it in a project that `kubewright new operator` made"
        raise OpError("new", ErrorKind.NOT_FOUND, str(path), detail) from error
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise OpError("new", ErrorKind.INVALID, str(path), f"name, package and group are not in it: {error}") from error


def with_controller(app: str, package: str, module: str) -> str:
    """Return the text of `app.py` with one more controller in its imports and in its list."""
    imports = re.findall(rf"^from {package}\.\w+ import controller as \w+\n", app, re.MULTILINE)
    listed = re.search(r"^CONTROLLERS = \((.*?)\)$", app, re.MULTILINE | re.DOTALL)
    added = f"from {package}.{module} import controller as {module}\n"
    if not imports or listed is None:
        detail = f"its imports or CONTROLLERS are not as they were made: add {module}.controller there by hand"
        raise OpError("new", ErrorKind.INVALID, f"{package}/app.py", detail)
    kept = [name.strip() for name in listed[1].split(",") if name.strip()]
    block = "".join(sorted({*imports, added}))
    for line in imports[1:]:
        app = app.replace(line, "", 1)
    return app.replace(imports[0], block, 1).replace(listed[0], f"CONTROLLERS = ({', '.join([*kept, module])})", 1)


def _tidy(target: Path) -> None:
    """Let ruff, where it is installed, wrap the lines that long names make too long."""
    ruff = shutil.which("ruff")
    if ruff is not None:
        for command in ((ruff, "check", "--quiet", "--fix", "."), (ruff, "format", "--quiet", ".")):
            subprocess.run(command, cwd=target, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603  ruff


def write_definitions(target: Path, package: str) -> Path:
    """Write `manifests/crds.yaml` from the types; by a process of its own, since the code is new."""
    command = [sys.executable, "-m", "kubewright", "crds", f"{package}.app:build"]
    made = subprocess.run(  # noqa: S603  our own command
        command, cwd=target, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if made.returncode:
        raise OpError("new", ErrorKind.INVALID, f"{package}.app:build", made.stderr.strip() or "it could not be loaded")
    path = target / "manifests" / "crds.yaml"
    path.write_text(made.stdout, encoding="utf-8")
    return path
