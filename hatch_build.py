"""Has the front end built before a wheel is made, where there is Node.js; an editable install needs none."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FrontEnd(BuildHookInterface):
    """Hatch's hook: `tool.hatch.build.targets.wheel.hooks.custom` names this file."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build it, and say on the way what the wheel does without."""
        del build_data
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root)))
        from tools import web

        if web.main():
            self.app.display_warning("this wheel has no dashboard: make web, then build it again")
