"""Builds the dashboard's front end from `web/` into the package: `make web`, and the wheel (`hatch_build.py`).

Nothing is done if what is there was built from the same sources. It takes Node.js 20 or newer, and npm for the packages
of web/package-lock.json; whoever has the wheel needs neither.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WEB = ROOT / "web"
STATIC = ROOT / "src" / "kubewright" / "dashboard" / "static"
_STAMP = STATIC / ".sources"
_LEFT_OUT = {"node_modules"}


def sources_digest() -> str:
    """Return a digest of all that the front end is built from."""
    digest = hashlib.sha256()
    for file in sorted(WEB.rglob("*")):
        if file.is_file() and not _LEFT_OUT.intersection(file.relative_to(WEB).parts):
            digest.update(file.relative_to(WEB).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def is_built() -> bool:
    """Whether the package holds what the sources give."""
    return _STAMP.is_file() and _STAMP.read_text(encoding="utf-8") == sources_digest()


def build() -> None:
    """Build it, if need be; raises FileNotFoundError without npm and CalledProcessError when a step fails."""
    if is_built():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not on the path: install Node.js 20 or newer")
    subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=WEB, check=True)
    subprocess.run([npm, "run", "--silent", "build"], cwd=WEB, check=True)
    _STAMP.write_text(sources_digest(), encoding="utf-8")


def main() -> int:
    """Build it and say so; 1 with the reason if that cannot be."""
    try:
        build()
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        print(f"the dashboard's front end was not built: {error}", file=sys.stderr)
        return 1
    print(f"the dashboard's front end is in {STATIC.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
