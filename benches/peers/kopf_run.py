"""Runs Kopf as where nothing else is installed: it imports client libraries that it finds, which costs it memory."""

from __future__ import annotations

import sys

for library in ("kubernetes", "kubernetes_asyncio", "pykube"):
    sys.modules[library] = None  # type: ignore[assignment]

from kopf.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
