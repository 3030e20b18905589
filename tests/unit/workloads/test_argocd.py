"""Argo CD's scripts, run by Lua as Argo CD runs them."""

import re

import pytest
import yaml
from lupa.lua54 import LuaRuntime

from kubewright.workloads.argocd import ACTIONS, config_map, script

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


def run(name, obj):
    """Run a script on an object, and return what it returns as plain data."""
    lua = LuaRuntime(unpack_returned_tuples=True)
    lua.globals().obj = as_lua(lua, obj)
    return as_python(lua.execute(script(name)))


def as_lua(lua, value):
    if isinstance(value, dict):
        return lua.table_from({key: as_lua(lua, each) for key, each in value.items()})
    if isinstance(value, list):
        return lua.table_from([as_lua(lua, each) for each in value])
    return value


def as_python(value):
    if hasattr(value, "items"):
        return {key: as_python(each) for key, each in value.items()}
    return value


def app(*conditions, generation=2, observed=2, deleting=False, **spec):
    metadata = {"name": "web", "generation": generation}
    if deleting:
        metadata["deletionTimestamp"] = "2030-01-01T00:00:00Z"
    found = [
        {"type": kind, "status": status, "reason": reason, "message": message}
        for kind, status, reason, message in conditions
    ]
    return {"metadata": metadata, "spec": spec, "status": {"observedGeneration": observed, "conditions": found}}


READY = ("Ready", "True", "Available", "all 2 replicas are ready")
COMING = ("Ready", "False", "Progressing", "1 of 2")
STALLED = ("Stalled", "True", "CrashLoop", "it crashes")


@pytest.mark.parametrize(
    ("obj", "status", "message"),
    [
        pytest.param(app(READY), "Healthy", "all 2 replicas are ready", id="ready"),
        pytest.param(app(COMING), "Progressing", "1 of 2", id="on its way"),
        pytest.param(app(COMING, STALLED), "Degraded", "it crashes", id="stalled"),
        pytest.param(app(READY, observed=1), "Progressing", None, id="not yet looked at"),
        pytest.param(app(READY, deleting=True), "Progressing", "Being deleted", id="going"),
        pytest.param({"metadata": {"generation": 1}, "spec": {}}, "Progressing", None, id="without a status"),
        pytest.param(app(COMING, rollout={"paused": True}), "Suspended", "1 of 2", id="a release that is held"),
        pytest.param(
            app(("Ready", "False", "Suspended", "the job is suspended")),
            "Suspended",
            "the job is suspended",
            id="a job",
        ),
    ],
)
def test_health(obj, status, message):
    health = run("health", obj)
    assert health["status"] == status
    assert message is None or health["message"] == message


def test_actions_are_offered_where_they_mean_something():
    def offered(**spec):
        return {name for name, action in run("discovery", app(**spec)).items() if not action["disabled"]}

    assert offered() == {"restart", "pause"}
    assert offered(rollout={"paused": True}) == {"restart", "resume"}
    assert offered(kind="job") == set()


def test_a_restart_marks_the_application():
    changed = run("restart", app(READY))
    assert TIME.match(changed["metadata"]["annotations"]["kubewright.dev/restarted-at"])


@pytest.mark.parametrize(("action", "paused"), [("pause", True), ("resume", False)])
def test_a_release_is_held_and_let_go(action, paused):
    assert run(action, app(READY))["spec"]["rollout"]["paused"] is paused
    assert run(action, app(READY, rollout={"strategy": "canary"}))["spec"]["rollout"]["strategy"] == "canary"


def test_the_config_map_is_as_argo_cd_reads_it():
    manifest = config_map("argocd")
    assert manifest["data"]["resource.customizations.health.app.example.com_AppService"] == script("health")
    actions = yaml.safe_load(manifest["data"]["resource.customizations.actions.app.example.com_AppService"])
    assert actions["discovery.lua"].strip() == script("discovery").strip()
    assert {each["name"]: each["action.lua"].strip() for each in actions["definitions"]} == {
        name: script(name).strip() for name in ACTIONS
    }
