"""The children on the way from one release to another."""

import msgspec
import pytest

from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.scale import AppServiceScaling
from kubewright.api.live import LiveObject
from kubewright.api.meta import ObjectMeta
from kubewright.workloads.children import wanted
from kubewright.workloads.children.virtualservice import beside_others
from kubewright.workloads.rollout.releases import (
    RELEASE_LABEL,
    TRACK_LABEL,
    Revision,
    labelled,
    numbered,
    release_label,
    release_of,
    template_of,
)
from kubewright.workloads.rollout.stage import Templates, staged
from tests.unit.workloads.rollout.making import NEW, OLD, app, state

GATEWAY = {"host": "web.example.com", "gateway": {"name": "edge"}}
OLD_TEMPLATE = {"metadata": {"labels": {"app.example.com/name": "web"}}, "spec": {"containers": [{"image": "web:1"}]}}


def children(application, standing, replicas=4):
    desired = [each.manifest for each in wanted(application)]
    main = next(each for each in desired if each["kind"] == "Deployment")
    templates = Templates(main["spec"]["template"], NEW, OLD_TEMPLATE)
    return {
        (each["kind"], each["metadata"]["name"]): each
        for each in staged(application, desired, standing, templates, replicas)
    }


def exposed(application):
    spec = msgspec.to_builtins(application.spec) | {"expose": GATEWAY}
    return msgspec.convert({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec}, AppService)


def release(found, name):
    return release_label(found["Deployment", name]["spec"]["template"])


RUNS = {
    "first release": (app(), None, {"web": NEW}),
    "rolling": (app("rolling"), state("Progressing"), {"web": NEW}),
    "rolled back": (app("rolling"), state("RolledBack"), {"web": OLD}),
    "canary": (app(), state("Progressing", weight=25), {"web": OLD, "web-trial": NEW}),
    "canary taking over": (app(), state("Promoting", weight=25), {"web": NEW, "web-trial": NEW}),
    "canary that has taken over": (app(), state("Verifying", weight=100), {"web": NEW}),
    "canary rolled back": (app(), state("RolledBack"), {"web": OLD}),
    "blue-green": (app("blueGreen"), state("Progressing"), {"web": OLD, "web-trial": NEW}),
    "an undo": (app(undo=1), state("Promoting"), {"web": NEW}),
}


@pytest.mark.parametrize(("application", "standing", "expected"), RUNS.values(), ids=RUNS)
def test_which_deployment_runs_which_release(application, standing, expected):
    found = children(application, standing)
    assert {name: release(found, name) for kind, name in found if kind == "Deployment"} == expected


SHARES = {"a twentieth": (5, 1), "a quarter": (25, 1), "half": (50, 4), "more than half": (80, 4), "all": (100, 4)}


@pytest.mark.parametrize(("weight", "pods"), SHARES.values(), ids=SHARES)
def test_by_the_number_of_pods_a_canary_gets_its_share_and_the_old_ones_stay(weight, pods):
    found = children(app(), state("Progressing", weight=weight))
    assert found["Deployment", "web-trial"]["spec"]["replicas"] == pods
    assert found["Deployment", "web"]["spec"]["replicas"] == 4
    assert TRACK_LABEL not in found["Service", "web"]["spec"]["selector"]


def test_by_a_route_traffic_is_weighted_and_the_service_in_the_cluster_leads_to_the_old_pods():
    found = children(exposed(app()), state("Progressing", weight=25))
    [rule] = found["HTTPRoute", "web"]["spec"]["rules"]
    assert [(each["name"], each["weight"]) for each in rule["backendRefs"]] == [("web", 75), ("web-trial", 25)]
    assert found["Service", "web"]["spec"]["selector"][TRACK_LABEL] == "stable"
    assert found["Service", "web-trial"]["spec"]["selector"][TRACK_LABEL] == "trial"
    assert found["Deployment", "web-trial"]["spec"]["replicas"] == 1
    assert list(found).index(("Service", "web-trial")) < list(found).index(("HTTPRoute", "web"))


def meshed(**rollout):
    spec = msgspec.to_builtins(app(**rollout).spec) | {"mesh": {"type": "istio"}}
    spec["ports"] = [{"port": 80}, {"port": 9090, "name": "grpc"}, {"port": 53, "protocol": "UDP", "name": "dns"}]
    return msgspec.convert({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec}, AppService)


def test_in_istio_each_port_that_takes_connections_is_weighted_by_a_virtual_service():
    found = children(meshed(), state("Progressing", weight=25))
    spec = found["VirtualService", "web"]["spec"]
    assert spec["hosts"] == ["web"]
    assert [rule["match"] for rule in spec["http"]] == [[{"port": 80}], [{"port": 9090}]]
    routes = [[(each["destination"]["host"], each["weight"]) for each in rule["route"]] for rule in spec["http"]]
    assert routes == [[("web", 75), ("web-trial", 25)]] * 2
    assert found["Service", "web"]["spec"]["selector"][TRACK_LABEL] == "stable"
    assert found["Deployment", "web-trial"]["spec"]["replicas"] == 1
    whole = children(meshed(), state("Stable", release=OLD))["VirtualService", "web"]["spec"]["http"]
    assert [rule["route"] for rule in whole] == [
        [{"destination": {"host": "web", "port": {"number": port}}}] for port in (80, 9090)
    ]


@pytest.mark.parametrize("rollout", [{"strategy": "rolling"}, {"traffic": "replicas"}], ids=["rolling", "by replicas"])
def test_whose_traffic_is_not_split_by_it_has_no_virtual_service(rollout):
    assert ("VirtualService", "web") not in children(meshed(**rollout), None)


def test_what_others_have_in_a_virtual_service_stays_when_its_weights_change():
    made = children(meshed(), state("Progressing", weight=25))["VirtualService", "web"]
    [first, second] = children(meshed(), None)["VirtualService", "web"]["spec"]["http"]
    theirs = {"name": "testers", "match": [{"headers": {"x-test": {"exact": "1"}}}], "route": second["route"]}
    gone = {"name": "kubewright-81", "route": second["route"]}
    spec = {"hosts": ["web"], "http": [theirs, {**first, "timeout": "3s"}, gone]}
    live = LiveObject(metadata=ObjectMeta(name="web", resource_version="5"), spec=spec)
    both = beside_others(made, live)
    assert both["metadata"]["resourceVersion"] == "5"
    rules = both["spec"]["http"]
    assert rules[0] == theirs
    assert rules[1:] == [{**made["spec"]["http"][0], "timeout": "3s"}, made["spec"]["http"][1]]


def test_a_route_is_whole_again_before_and_after():
    for standing in (None, state("Stable", release=OLD), state("Verifying", weight=100), state("RolledBack")):
        found = children(exposed(app()), standing)
        [rule] = found["HTTPRoute", "web"]["spec"]["rules"]
        assert [each["name"] for each in rule["backendRefs"]] == ["web"]
        assert ("Service", "web-trial") not in found


def test_blue_green_leads_all_traffic_to_one_side():
    weights = {"Progressing": 0, "Switched": 100, "Promoting": 100, "Verifying": 100, "RolledBack": 0}
    tracks = {}
    for phase, weight in weights.items():
        service = children(app("blueGreen"), state(phase, weight=weight))["Service", "web"]
        tracks[phase] = service["spec"]["selector"][TRACK_LABEL]
    assert tracks == {
        "Progressing": "stable",
        "Switched": "trial",
        "Promoting": "trial",
        "Verifying": "stable",
        "RolledBack": "stable",
    }


def test_the_number_of_pods_stays_the_autoscalers():
    scaled = msgspec.structs.replace(app().spec, scaling=msgspec.convert({"max": 9}, AppServiceScaling))
    application = msgspec.structs.replace(app(), spec=scaled)
    found = children(application, state("Progressing", weight=50), replicas=7)
    assert "replicas" not in found["Deployment", "web"]["spec"]
    assert found["Deployment", "web-trial"]["spec"]["replicas"] == 7
    target = found["HorizontalPodAutoscaler", "web"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", "web")


def test_a_release_is_told_by_its_template_and_not_by_where_it_stands():
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"image": "x"}]}}
    name = release_of(template)
    assert release_of(labelled(template, name, "trial")) == name
    assert labelled(template, name, "stable")["metadata"]["labels"] == {
        "a": "b",
        RELEASE_LABEL: name,
        TRACK_LABEL: "stable",
    }
    assert release_of(template | {"spec": {"containers": [{"image": "y"}]}}) != name


def test_an_edited_template_that_still_bears_the_label_is_not_what_is_gone_back_to():
    kept = [
        Revision(3, (), OLD, {"edited": True}, 30.0, 1),
        Revision(2, (1,), OLD, {"edited": False}, 10.0, 0),
    ]
    assert template_of(OLD, kept) == {"edited": False}
    assert template_of(NEW, kept) is None
    assert numbered(1, kept).number == 2
    assert numbered(9, kept) is None
