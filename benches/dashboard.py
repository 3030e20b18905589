"""The dashboard in Debian's Chromium: first useful paint, interactions, how soon a change shows, what idling costs.

`python -m benches.dashboard [--nodes 500 --pods 25000]`. A twin's API server holds the nodes and pods, without
kubelets: they stand still, as most of a large cluster does within a minute. Everything is on this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

from benches.report import Result, finish
from kubewright.api.core import NODES, PODS
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.dashboard.service import Dashboard
from kubewright.dashboard.serving import Serving
from kubewright.runtime.serving import listen
from kubewright.twin.server import ApiServer
from tests.e2e.dashboards import OWNER, browser

VIEWERS = 10
IDLE_SECONDS = 20.0
