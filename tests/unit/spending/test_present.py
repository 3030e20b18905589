"""An hour as it is now."""

import asyncio
from fractions import Fraction

from kubewright.api.core import Service, ServiceSpec
from kubewright.api.crds.nodepool import NodePool, NodePoolSpec, NodeType
from kubewright.api.meta import ObjectMeta
from kubewright.api.volumes import ClaimResources, ClaimSpec, ClaimStatus, PersistentVolumeClaim
from kubewright.costs.allocate import allocate
from kubewright.costs.facts import Resource
from kubewright.costs.groups import rows
from kubewright.costs.ledger import Ledger
from kubewright.costs.money import decimal
from kubewright.costs.prices import read_prices
from kubewright.spending.objects import Objects
from kubewright.spending.present import Use, ask, present
from tests.unit.spending.build import TEAM, namespace, node, pod

PRICES = {"cpu": 1, "memory": 0, "gpu": 10, "storage": {"": "0.5"}, "loadBalancer": 3}


def told(objects, by="team", use=None, prices=None):
    assets, demands = present(objects, read_prices(PRICES | (prices or {}), "f"), use or Use())
    charges, lost = allocate(assets, demands)
    ledger = Ledger(0, 3600)
    ledger.take(assets, charges)
    return {row.name: decimal(row.total) for row in rows(ledger.lines, by)}, lost


def test_pods_on_nodes_are_charged_what_they_request():
    objects = Objects(
        [node()],
        [
            pod(cpu="500m"),
            pod("waits", on="", cpu="1"),
            pod("over", phase="Succeeded", cpu="1"),
            pod("other", namespace="x", cpu="250m"),
        ],
        [namespace(kubewright_dev__team="", **TEAM), namespace("x")],
    )
    assert told(objects)[0] == {"shops": "0.5", "platform": "0.25", "__idle__": "3.25"}


def test_use_beyond_the_request_counts():
    use = Use({Resource.CPU: {(("shop", "web-1"), "c"): 1.5}})
    assert told(Objects([node()], [pod(cpu="500m")]), "namespace", use)[0]["shop"] == "1.5"


def test_a_namespaces_team_is_right_before_a_pods():
    mine = pod(labels={"kubewright.dev/team": "thieves", "app.example.com/name": "web"}, cpu="1")
    assert "shops" in told(Objects([node()], [mine], [namespace(**TEAM)]))[0]
    assert "thieves" in told(Objects([node()], [mine], [namespace()]))[0]
    assert told(Objects([node()], [mine]), "app")[0]["shop/web"] == "1"


def test_what_a_pod_takes_beyond_its_containers_is_its_own():
    plain = pod(cpu="500m")
    more = type(plain)(
        metadata=plain.metadata,
        spec=type(plain.spec)(node_name="a", containers=plain.spec.containers, overhead={"cpu": "250m"}),
        status=plain.status,
    )
    assert told(Objects([node()], [more]), "pod")[0]["shop/web-1"] == "0.75"


def test_gpus_are_charged_by_their_parts():
    labels = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB", "nvidia.com/gpu.count": "1"}
    sliced = node(labels=labels, **{"nvidia.com_mig-1g.5gb": "7"})
    use = Use(gpus={("shop", "web-1"): 0.5})
    found, _ = told(Objects([sliced], [pod(**{"nvidia.com__mig-1g.5gb": "2"})]), "gpu", use)
    assert found["NVIDIA-A100-SXM4-40GB"] == "2.5"


def test_nodes_cost_what_their_pool_or_label_says():
    spec = NodePoolSpec(node_selector={"pool": "web"}, types=(NodeType("m6i", "0.4", {"cpu": "4", "memory": "8Gi"}),))
    pool = NodePool(metadata=ObjectMeta(name="web"), spec=spec)
    typed = {"pool": "web", "node.kubernetes.io/instance-type": "m6i"}
    objects = Objects([node(labels=typed)], [pod(cpu="1")], pools=[pool])
    assert told(objects, "namespace")[0] == {"shop": "0.1", "__idle__": "0.3"}
    labelled = Objects([node(labels=typed | {"kubewright.dev/hourly-cost": "0.8"})], [pod(cpu="1")], pools=[pool])
    assert told(labelled, "namespace")[0]["shop"] == "0.2"


def test_claims_and_load_balancers_are_their_namespaces():
    claim = PersistentVolumeClaim(
        metadata=ObjectMeta(name="data", namespace="shop"),
        spec=ClaimSpec(resources=ClaimResources({"storage": "10Gi"})),
        status=ClaimStatus("Bound"),
    )
    pending = PersistentVolumeClaim(metadata=ObjectMeta(name="none", namespace="shop"), spec=claim.spec)
    services = [
        Service(metadata=ObjectMeta(name=name, namespace="shop"), spec=ServiceSpec(type=kind))
        for name, kind in (("front", "LoadBalancer"), ("back", "ClusterIP"))
    ]
    objects = Objects(claims=[claim, pending], services=services)
    assert told(objects, "controller")[0] == {
        "shop/persistentvolumeclaim/data": "5",
        "shop/service/front": "3",
    }
    assert told(objects, prices={"loadBalancer": 0, "cluster": 2})[0] == {"platform": "5", "__overhead__": "2"}


def test_pods_on_nodes_that_nobody_knows_are_handed_back():
    _, lost = told(Objects([node()], [pod(on="gone", cpu="1")]))
    assert {each.owner.pod for each in lost} == {"web-1"}


def test_without_anybody_to_ask_use_is_missing_and_said_so():
    assert asyncio.run(ask(None)).missing == ("use: nobody was asked",)


def test_an_hour_is_exact():
    assets, _ = present(Objects([node(cpu="3", memory="0")]), read_prices({"nodes": [{"hourly": "0.1"}]}, "f"), Use())
    assert abs(Fraction(sum(each.cost(Resource.CPU) for each in assets), 10**18) - Fraction("0.1")) <= Fraction(
        1, 10**18
    )
