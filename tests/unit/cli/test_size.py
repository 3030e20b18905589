"""`kubewright size` shows reports as a table or as JSON."""

import json

import pytest
from click.testing import CliRunner

from kubewright.api.crds.sizepolicy import SizeAdvice
from kubewright.api.workload import Workload
from kubewright.cli import size
from kubewright.sizing.report import Report

REPORT = Report(
    Workload("shop", "Deployment", "web"),
    2,
    (
        SizeAdvice("main", "cpu", "1", "300m", "349m", "393m", "8.0"),
        SizeAdvice("main", "memory", "1Gi", why="nothing was measured"),
    ),
    "1302m",
    "0",
)


@pytest.fixture
def shown(monkeypatch):
    async def reports(config, prometheus, namespace):
        assert (config, prometheus, namespace) == ("cluster", "http://store", "shop")
        return [REPORT]

    monkeypatch.setattr(size, "_reports", reports)
    monkeypatch.setattr(size, "connection", lambda *_: "cluster")
    call = ["--prometheus", "http://store", "-n", "shop"]
    return lambda *more: CliRunner().invoke(size.size, [*call, *more], catch_exceptions=False).output


def test_a_table_for_people(shown):
    header, cpu, memory, saved = shown().splitlines()
    assert header.split()[:4] == ["WORKLOAD", "CONTAINER", "RESOURCE", "REQUESTED"]
    assert cpu.split() == ["shop/deployment/web", "main", "cpu", "1", "349m", "300m..393m", "8.0"]
    assert memory.endswith("nothing was measured")
    assert saved == "shop/deployment/web: 2 pods would save 1302m cores and 0 of memory"


def test_json_for_programs(shown):
    [document] = json.loads(shown("-o", "json"))
    assert (document["kind"], document["savesCpu"]) == ("Deployment", "1302m")
    assert document["advice"][0]["target"] == "349m"
