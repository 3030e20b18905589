"""`kubewright defrag` lists moves in every form."""

import json
from contextlib import asynccontextmanager

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from kubewright.api.meta import OwnerReference
from kubewright.cli import defrag, live
from kubewright.devices.requests import GPU
from kubewright.explain.cluster import Cluster
from tests.unit.placement.build import node, pod


def gpu_node(name):
    return node(name, cpu="64", **{GPU: "4"})


def owned(made):
    owner = OwnerReference(api_version="apps/v1", kind="ReplicaSet", name="web", uid="web", controller=True)
    return replace(made, metadata=replace(made.metadata, owner_references=(owner,)))


@pytest.fixture
def shown(monkeypatch):
    ones = [owned(pod(f"one-{each}", on=each, requests={GPU: "1", "cpu": "1"})) for each in "abc"]
    waiting = [pod(f"all-{each}", requests={GPU: "4", "cpu": "1"}) for each in range(3)]
    cluster = Cluster(nodes=tuple(map(gpu_node, "abc")), pods=(*ones, *waiting))

    @asynccontextmanager
    async def connected(_config):
        yield None

    async def read_cluster(_client):
        return cluster

    monkeypatch.setattr(defrag, "connection", lambda *_: None)
    monkeypatch.setattr(defrag, "connected", connected)
    monkeypatch.setattr(live, "read_cluster", read_cluster)
    return lambda *more: CliRunner().invoke(defrag.defrag, more, catch_exceptions=False).output


def test_moves_are_a_table_with_their_sum(shown):
    head, *rows, total = shown().splitlines()
    assert head.split() == ["NAMESPACE", "POD", "FROM", "TO", "GPUS"]
    assert len(rows) == 2
    assert total.startswith("2 moves, ")


def test_programs_read_the_same_moves(shown):
    told = json.loads(shown("-o", "json"))
    assert told["gpus"] == pytest.approx(sum(each["gpus"] for each in told["moves"]))
    assert [f"pod/{each['pod']}" for each in told["moves"]] == shown("-o", "name").splitlines()
    assert shown("-o", "csv").splitlines()[0] == "namespace,pod,from,to,gpus"


def test_no_more_are_listed_than_may_be_moved(shown):
    assert len(json.loads(shown("-o", "json", "--budget", "1"))["moves"]) == 1
