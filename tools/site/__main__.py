"""`python -m tools.site FOLDER`: lay the site's pages and its configuration into a folder, for `mkdocs build`.

`make site` calls it. Pages are those of `docs/`; links that leave it lead to copies of the files or, for code, become
plain words. What the navigation names with @ is every file of that pattern.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

from tools.site.reference import pages

ROOT = Path(__file__).parents[2]
CONFIGURATION = Path(__file__).parent / "mkdocs.yml"
_BESIDE = ("SCOPE.md", "CHANGELOG.md")
_LEAVING = re.compile(r"\[([^\]]*)\]\((?:\.\./)+([^)#]*)(#[^)]*)?\)")
_FOLDER = re.compile(r"\[([^\]]*)\]\([^):]*/\)")


def main(target: Path) -> None:
    """Write everything anew."""
    shutil.rmtree(target, ignore_errors=True)
    docs = target / "docs"
    shutil.copytree(ROOT / "docs", docs)
    for name in _BESIDE:
        shutil.copy(ROOT / name, docs / name)
    shutil.copytree(ROOT / "examples", docs / "examples", ignore=shutil.ignore_patterns("*.md", "__pycache__"))
    for page in docs.rglob("*.md"):
        page.write_text(_within(page, docs), encoding="utf-8")
    for name, text in pages():
        path = docs / "reference" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))
    found["nav"] = _expanded(found["nav"], docs)
    (target / "mkdocs.yml").write_text(yaml.safe_dump(found, sort_keys=False), encoding="utf-8")


def _within(page: Path, docs: Path) -> str:
    """Return a page whose links stay in the site."""
    up = "../" * (len(page.relative_to(docs).parts) - 1)

    def link(found: re.Match[str]) -> str:
        words, path, anchor = found[1], found[2], found[3] or ""
        inside = docs / path
        if (ROOT / "docs" / path).exists() or inside.exists():
            return f"[{words}]({up}{path}{anchor})"
        return words

    text = page.read_text(encoding="utf-8")
    if page.name in _BESIDE:
        text = text.replace("](docs/", "](")
    return _FOLDER.sub(r"\1", _LEAVING.sub(link, text))


def _expanded(nav: Any, docs: Path) -> Any:
    if isinstance(nav, list):
        found: list[Any] = []
        for each in nav:
            if isinstance(each, str) and each.startswith("@"):
                found += sorted(str(path.relative_to(docs)) for path in docs.glob(each[1:]))
            else:
                found.append(_expanded(each, docs))
        return found
    return {name: _expanded(each, docs) for name, each in nav.items()} if isinstance(nav, dict) else nav


if __name__ == "__main__":
    main(Path(sys.argv[1]))
