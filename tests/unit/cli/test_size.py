"""`kubewright size` shows reports as a table or as JSON."""

import asyncio
import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from kubewright.api.core import NODES, PODS
from kubewright.api.crds.containersize import ContainerSize
from kubewright.api.crds.sizepolicy import SizeAdvice
from kubewright.api.workload import Workload
from kubewright.cli import size
from kubewright.errors import ErrorKind, OpError
from kubewright.series.protocol import Missing, Series, Signal, Why
from kubewright.sizing.gpus import GpuAdvice
from kubewright.sizing.report import Report
from kubewright.twin.nodes import NodeShape
from tests.unit.twin.exporters.scraping import deployment, on_twin, pod

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
GPUS = (
    GpuAdvice(
        "main", "nvidia.com/gpu", "1", 2, "NVIDIA-A100-SXM4-80GB", 30, "30Gi", "8.0", 35, "35328Mi", "3g.40gb", 1136
    ),
    GpuAdvice("aside", "nvidia.com/gpu", "4", 2, why="it has several"),
)


@pytest.fixture(params=[()])
def shown(monkeypatch, request):
    async def reports(config, prometheus, namespace, selector):
        assert (config, prometheus, namespace, selector) == ("cluster", "http://store", "shop", "app=web")
        return [replace(REPORT, gpus=request.param)]

    monkeypatch.setattr(size, "_reports", reports)
    monkeypatch.setattr(size, "connection", lambda *_: "cluster")
    call = ["--prometheus", "http://store", "-n", "shop", "-l", "app=web"]
    return lambda *more: CliRunner().invoke(size.size, [*call, *more], catch_exceptions=False).output


def test_a_table_for_people(shown):
    header, cpu, memory, saved = shown().splitlines()
    assert header.split()[:4] == ["WORKLOAD", "CONTAINER", "RESOURCE", "REQUESTED"]
    assert cpu.split() == ["shop/deployment/web", "main", "cpu", "1", "349m", "300m..393m", "8.0"]
    assert memory.endswith("nothing was measured")
    assert saved == "shop/deployment/web: 2 pods would save 1302m cores and 0 of memory"


def test_what_the_next_release_has_is_told_below_a_workload(monkeypatch):
    async def reports(*_):
        return [replace(REPORT, upcoming=(ContainerSize("main", "cpu", "700m"),))]

    monkeypatch.setattr(size, "_reports", reports)
    monkeypatch.setattr(size, "connection", lambda *_: "cluster")
    shown = CliRunner().invoke(size.size, ["--prometheus", "http://store"], catch_exceptions=False).output
    assert shown.splitlines()[-1] == "shop/deployment/web: the next release has main cpu 700m"


def test_of_a_pod_by_itself_its_gpus_alone_are_told(monkeypatch):
    async def reports(*_):
        return [Report(Workload("lab", "Pod", "notebook"), 1, (), "0", "0", (replace(GPUS[0], pods=1),))]

    monkeypatch.setattr(size, "_reports", reports)
    monkeypatch.setattr(size, "connection", lambda *_: "cluster")
    shown = CliRunner().invoke(size.size, ["--prometheus", "http://store"], catch_exceptions=False).output
    _, gpu, saved = shown.splitlines()
    assert gpu.split()[:3] == ["lab/pod/notebook", "main", "nvidia.com/gpu"]
    assert saved == "lab/pod/notebook: it would save 1.136 GPUs"


def test_json_for_programs(shown):
    [document] = json.loads(shown("-o", "json"))
    assert (document["kind"], document["savesCpu"]) == ("Deployment", "1302m")
    assert document["advice"][0]["target"] == "349m"


@pytest.mark.parametrize("shown", [GPUS], indirect=True)
def test_what_would_have_sufficed_of_gpus_is_told_below_a_workload(shown):
    *_, gpu, aside, saved = shown().splitlines()
    assert gpu.split()[1:] == [
        "main",
        "nvidia.com/gpu",
        "1",
        "35%",
        "35328Mi",
        "or",
        "3g.40gb",
        "30%",
        "30Gi",
        "used",
        "8.0",
    ]
    assert aside.split()[1:] == ["aside", "nvidia.com/gpu", "4", "-", "-", "-", "it", "has", "several"]
    assert saved.endswith("0 of memory, and 1.136 GPUs")
    [document] = json.loads(shown("-o", "json"))
    assert document["savesGpus"] == 1.136
    part, nothing = document["gpus"]
    assert (part["share"], part["mig"]) == ({"percent": 35, "memory": "35328Mi"}, "3g.40gb")
    assert (nothing["share"], nothing["mig"], nothing["why"]) == (None, None, "it has several")


class Store:
    """Knows that the GPU of each pod was busy for 40 % of the time, with 10 GiB in use; nothing of cpu and memory."""

    async def instant(self, query):
        return Missing(Why.NO_DATA)

    async def range(self, query, span):
        value = {Signal.GPU: 0.4, Signal.GPU_MEMORY: 10 << 30}.get(query.signal)
        if value is None:
            return Missing(Why.NO_DATA)
        points = tuple((span.start + n * span.step_seconds, value) for n in range(288))
        return tuple(Series({"namespace": "default", "pod": name}, points) for name in self.pods)


class NoNodes:
    """A client that may not list nodes."""

    def __init__(self, client):
        self.client = client

    async def list(self, resource, **options):
        if resource is NODES:
            raise OpError("client.list", ErrorKind.FORBIDDEN, "nodes", "not yours")
        return await self.client.list(resource, **options)


@pytest.mark.parametrize("allowed", [True, False])
def test_pods_with_gpus_are_read_off_a_cluster_and_its_store(allowed, capsys):
    async def scenario(scraper):
        template = pod("infer", limits={"nvidia.com/gpu": "1"})
        await scraper.create(deployment("infer", template, 2))
        await asyncio.sleep(60)
        store = Store()
        store.pods = [each.metadata.name for each in (await scraper.client.list(PODS, namespace="default")).items]
        client = scraper.client if allowed else NoNodes(scraper.client)
        return await size.reports_of(client, store, "default", gpus=True)

    [report] = on_twin(scenario, shape=NodeShape(gpus=2))
    [found] = report.gpus
    if allowed:
        assert (found.pods, found.share_percent, found.profile, found.why) == (2, 46, "4g.40gb", "")
        assert report.saves_gpus == 1.08
    else:
        assert (found.share_percent, found.why) == (0, "its node is not known")
        assert "no advice on GPUs" in capsys.readouterr().err
