"""Run it."""

import sys

from tools.grafana import check

sys.exit(check())
