"""What a cluster cost, by a store's series."""

import asyncio

import pytest

from kubewright.costs.groups import rows
from kubewright.costs.money import decimal
from kubewright.costs.prices import read_prices
from kubewright.costs.windows import Window
from kubewright.errors import OpError
from kubewright.series.protocol import Missing, Why
from kubewright.spending.objects import Objects
from kubewright.spending.recorded import PARTS_AT_ONCE, recorded
from tests.unit.spending.build import TEAM, Store, namespace, node, pod, series

PRICES = {"cpu": 3600, "memory": 0, "gpu": 0, "storage": {"": 0}}
"""A second of a core costs 1."""
T1, T2, T3 = 1060, 1120, 1180
ALL = (T1, T2, T3)
RUN = {"namespace": "shop", "pod": "web-1", "uid": "uid-web-1"}
OF_SET = {"node": "a", "created_by_kind": "ReplicaSet", "created_by_name": "web-7"}


def answers(**more):
    """Return what a store says of three minutes: a node of four cores, and a pod that asks for one."""
    return {
        "kube_node_status_capacity": [series(4, *ALL, node="a", resource="cpu")],
        "max_over_time(kube_pod_info": [series(1, *ALL, **RUN, **OF_SET)],
        "kube_pod_container_resource_requests": [series(1, *ALL, **RUN, container="c", resource="cpu")],
        "kube_replicaset_owner": [series(1, T3, namespace="shop", replicaset="web-7", owner_name="web")],
        **more,
    }


def past(store, objects=None, prices=None, step=180):
    window = Window(1000, 1180, step, 60)
    book = read_prices(PRICES | (prices or {}), "f")
    return asyncio.run(recorded(store, objects or Objects([node()]), book, window)), book


def told(store, by="controller", *, at=0, **options):
    found, book = past(store, **options)
    return {row.name: decimal(row.total) for row in rows(found.ledgers[at].lines, by, "show", book)}


def test_a_pod_that_is_gone_is_charged_to_what_it_belonged_to():
    assert told(Store(**answers())) == {"shop/deployment/web": "180", "__idle__": "540"}


def test_its_labels_are_those_of_the_pods_that_are_there():
    living = pod("web-7-x", labels={"tier": "gold", "pod-template-hash": "7"}, owner=("ReplicaSet", "web-7"))
    objects = Objects([node()], [living], [namespace(**TEAM)])
    assert told(Store(**answers()), "label:tier", objects=objects)["gold"] == "180"
    assert told(Store(**answers()), "team", objects=objects)["shops"] == "180"


def test_pods_count_by_their_seconds():
    began = [series(1030, T3, **RUN)]
    ended = [series(1130, T3, **RUN)]
    found = told(Store(**answers(kube_pod_start_time=began, kube_pod_completion_time=ended)))
    assert found["shop/deployment/web"] == "100"


def test_a_pod_that_was_deleted_counts_until_it_was_last_seen():
    more = {
        "max_over_time(kube_pod_info": [series(1, T1, T2, **RUN, **OF_SET)],
        "timestamp(kube_pod_info)": [series(1075, T2, **RUN)],
    }
    assert told(Store(**answers(**more)))["shop/deployment/web"] == "75"


def test_what_is_seen_again_was_there_all_along():
    more = {
        "timestamp(kube_pod_info)": [series(1055, T1, **RUN)],
        "timestamp(kube_node_info)": [series(1050, T1, node="a")],
    }
    assert told(Store(**answers(**more))) == {"shop/deployment/web": "180", "__idle__": "540"}


def test_nodes_come_and_go_by_their_seconds():
    more = {
        "kube_node_status_capacity": [
            series(4, *ALL, node="a", resource="cpu"),
            series(2, T2, T3, node="b", resource="cpu"),
        ],
        "kube_node_created": [series(1100, T3, node="b")],
        "timestamp(kube_node_info)": [series(1150, T3, node="b")],
    }
    found, _ = past(Store(**answers(**more)))
    assert decimal(found.ledgers[0].cost) == str(4 * 180 + 2 * 50)
    assert found.strangers == {"b"}


def test_use_beyond_the_request_counts_in_its_part_alone():
    used = [
        series(3, T1, namespace="shop", pod="web-1", container="c"),
        series(0.5, T2, T3, namespace="shop", pod="web-1", container="c"),
    ]
    store = Store(**answers(rate=used))
    assert told(store)["shop/deployment/web"] == "300"
    found, book = past(store)
    (row, _) = rows(found.ledgers[0].lines, "controller", "show", book)
    assert decimal(row.wasted) == "60"
    assert decimal(row.unmeasured) == "0"


def test_two_pods_of_one_name_share_what_was_used_under_it():
    again = {**RUN, "uid": "other"}
    used = [series(2, T1, namespace="shop", pod="web-1", container="c")]
    more = {
        "max_over_time(kube_pod_info": [series(1, T1, **RUN, **OF_SET), series(1, T1, **again, **OF_SET)],
        "kube_pod_completion_time": [series(1020, T3, **RUN)],
        "kube_pod_start_time": [series(1030, T3, **again)],
        "rate": used,
    }
    # Both ask for one core: for 20 seconds, and (asking for nothing) for 30; 120 core-seconds were used.
    assert told(Store(**answers(**more)))["shop/deployment/web"] == "120"


def test_steps_are_charged_by_themselves():
    store = Store(**answers())
    assert [told(store, at=at, step=60)["shop/deployment/web"] for at in range(3)] == ["60"] * 3


def test_parts_of_which_the_store_knows_nothing_are_not_covered():
    more = {"kube_node_status_capacity": [series(4, T1, T3, node="a", resource="cpu")]}
    found, _ = past(Store(**answers(**more)))
    assert found.covered_seconds == 120
    assert decimal(found.ledgers[0].cost) == "480"


def test_use_that_is_not_known_is_said():
    found, _ = past(Store(**answers(rate=Missing(Why.INVALID, "too many samples"))))
    assert found.missing["cpu"] == "the question cannot be answered: too many samples"
    assert all(line.unmeasured == line.cost for line in found.ledgers[0].lines if line.owner.namespace)


def test_pods_on_nodes_that_the_store_does_not_know_are_told():
    elsewhere = OF_SET | {"node": "b"}
    found, _ = past(Store(**answers(**{"max_over_time(kube_pod_info": [series(1, T1, **RUN, **elsewhere)]})))
    assert found.lost == {"shop/web-1"}


@pytest.mark.parametrize("why", [Why.UNAVAILABLE, Why.INVALID])
def test_a_store_that_does_not_answer_ends_it(why):
    with pytest.raises(OpError, match="nope"):
        past(Store(kube_node_status_capacity=Missing(why, "nope")))


def test_claims_balancers_and_what_is_sent_are_charged():
    more = {
        "kube_persistentvolumeclaim_resource": [series(1 << 30, *ALL, namespace="shop", persistentvolumeclaim="data")],
        "kube_persistentvolumeclaim_info": [
            series(1, T3, namespace="shop", persistentvolumeclaim="data", storageclass="fast")
        ],
        "kube_service_spec_type": [series(1, *ALL, namespace="shop", service="front")],
        "transmit": [series(1 << 30, T1, namespace="shop", pod="web-1")],
    }
    prices = {"storage": {"fast": 3600, "": 1}, "loadBalancer": 7200, "network": 5, "cluster": 60}
    found = told(Store(**answers(**more)), prices=prices)
    assert found == {
        "shop/service/front": "360",
        "shop/deployment/web": "185",
        "shop/persistentvolumeclaim/data": "180",
        "__idle__": "540",
        "__overhead__": "3",
    }


def test_gpus_are_known_by_the_names_that_kube_state_metrics_gives_them():
    labels = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}
    more = {
        "kube_node_status_capacity": [
            series(4, *ALL, node="a", resource="cpu"),
            series(7, *ALL, node="a", resource="nvidia_com_mig_1g_5gb"),
        ],
        "kube_pod_container_resource_requests": [
            series(1, *ALL, **RUN, container="c", resource="nvidia_com_mig_1g_5gb")
        ],
        "GPU": [series(0.25, *ALL, namespace="shop", pod="web-1")],
    }
    found, book = past(Store(**answers(**more)), Objects([node(labels=labels)]), {"cpu": 1, "gpu": 3600})
    row = rows(found.ledgers[0].lines, "controller", "show", book)[0]
    assert (row.name, decimal(row.total), decimal(row.gpu_wasted)) == ("shop/deployment/web", "22.5", "16.875")


def test_no_question_is_about_more_than_some_parts():
    store = Store(**answers())
    window = Window(0, 60 * 100, 6000, 60)
    asyncio.run(recorded(store, Objects(), read_prices({}, "f"), window))
    assert all((span.end - span.start) / span.step_seconds < PARTS_AT_ONCE for _, span in store.asked)
    assert {span.end for _, span in store.asked} == {48 * 60.0, 96 * 60.0, 6000.0}


def test_of_many_pods_fewer_parts_are_asked_about_at_once(monkeypatch):
    monkeypatch.setattr("kubewright.spending.recorded.PODS_AT_ONCE", 4)
    store = Store(**answers())
    found, _ = past(store, Objects([node()], [pod(f"p{number}") for number in range(3)]))
    assert {span.end for _, span in store.asked} == {1060.0, 1120.0, 1180.0}
    assert found.covered_seconds == 180
