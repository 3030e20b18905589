"""A simulated pod's life, step by step, and what its status says at each."""

import itertools

import pytest

from kubewright.api.meta import rfc3339
from kubewright.twin.kubelet.advance import crash
from kubewright.twin.kubelet.behaviour import Acts
from kubewright.twin.kubelet.life import Stage, State, backoff_seconds
from kubewright.twin.kubelet.resuming import resume
from tests.unit.twin.controllers.build import NOW
from tests.unit.twin.kubelet.play import Play, container


def test_it_is_created_then_runs_and_is_ready():
    play = Play()
    assert (play.phase, play.state(), "podIP" in play.status) == ("Pending", "ContainerCreating", False)
    assert play.condition("PodReadyToStartContainers") == ("False", "PodSandboxNotReady", "no pod sandbox exists")
    message = "containers with unready status: [main]"
    assert play.condition("Ready") == ("False", "ContainersNotReady", message)
    play.until(1)
    assert (play.phase, play.state(), play.status["podIP"]) == ("Running", "running", "10.0.0.9")
    assert play.condition("Ready") == play.condition("ContainersReady") == ("True", "", "")
    assert play.life.due_at is None
    assert play.told == [
        (1, "Pulled", 'Container image "web:1" already present on machine and can be accessed by the pod'),
        (1, "Created", "Container created"),
        (1, "Started", "Container started"),
    ]


def test_a_turn_in_which_nothing_happens_changes_nothing():
    play = Play().until(1)
    life = play.life
    assert play.look().life is life
    play.now += 1000
    assert play.look().life is life


def test_conditions_stand_in_the_kubelets_order_and_speak_of_the_generation():
    play = Play()
    play.manifest["status"]["conditions"].append({"type": "example.com/other", "status": "True"})
    play.until(1)
    conditions = play.status["conditions"]
    assert [each["type"] for each in conditions] == [
        "example.com/other",
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    ]
    assert {each.get("observedGeneration") for each in conditions[1:]} == {1}
    play.manifest["metadata"]["generation"] = 2
    assert play.look().status["observedGeneration"] == 2


def test_containers_of_a_pod_have_each_their_own_state():
    play = Play(
        containers=[container("a"), container("b"), container("c")],
        acts={"b": Acts(exit_after_seconds=5, exit_code=3)},
        restartPolicy="Never",
    ).until(10)
    assert [play.state(name) for name in "abc"] == ["running", "Error", "running"]
    assert play.phase == "Running"
    assert play.condition("Ready")[2] == "containers with unready status: [b]"
    assert play.of("b")["state"]["terminated"]["exitCode"] == 3
    assert [play.of(name)["restartCount"] for name in "abc"] == [0, 0, 0]


def test_a_container_that_exits_is_restarted_later_each_time():
    play = Play(acts={"main": Acts(exit_after_seconds=5, exit_code=3)}).until(2000)
    starts = [at for at, reason, _ in play.told if reason == "Started"]
    waits = [after - before - 5 for before, after in itertools.pairwise(starts)]
    assert waits[:7] == [1, 10, 20, 40, 80, 160, 300]
    assert play.of("main")["restartCount"] == len(starts) - 1


def test_what_is_said_of_a_container_that_keeps_exiting():
    play = Play(acts={"main": Acts(exit_after_seconds=5, exit_code=3)})
    play.until(6)
    assert (play.phase, play.state(), play.of("main")["lastState"]) == ("Running", "Error", {})
    play.until(12.5)
    assert (play.state(), play.of("main")["restartCount"]) == ("Error", 1)
    play.until(13)
    text = "back-off 10s restarting failed container=main pod=a_default(u)"
    assert play.of("main")["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": text}}
    last = play.of("main")["lastState"]["terminated"]
    assert (last["startedAt"], last["finishedAt"]) == (rfc3339(NOW + 7), rfc3339(NOW + 12))
    assert last["containerID"] == "twin://u/main/1"
    assert play.messages("BackOff") == ["Back-off restarting failed container main in pod a_default(u)"]


def test_a_container_that_ran_long_enough_is_forgiven():
    play = Play(acts={"main": Acts(exit_after_seconds=700)}).until(3000)
    starts = [at for at, reason, _ in play.told if reason == "Started"]
    assert [after - before for before, after in itertools.pairwise(starts)] == [701] * 4


@pytest.mark.parametrize(
    ("policy", "code", "phase"),
    [
        pytest.param("Never", 0, "Succeeded", id="it may not restart and did well"),
        pytest.param("Never", 2, "Failed", id="it may not restart and failed"),
        pytest.param("OnFailure", 0, "Succeeded", id="it restarts only after a failure and did well"),
        pytest.param("OnFailure", 2, "Running", id="it restarts after a failure"),
        pytest.param("Always", 0, "Running", id="it always restarts"),
    ],
)
def test_what_becomes_of_a_pod_that_exits(policy, code, phase):
    play = Play(acts={"main": Acts(exit_after_seconds=5, exit_code=code)}, restartPolicy=policy).until(6)
    assert play.phase == phase
    assert (play.life.stage is Stage.FINISHED) == (phase != "Running")
    if phase != "Running":
        reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
        assert play.condition("Ready") == ("False", reason, "")
        assert play.condition("PodReadyToStartContainers")[0] == "False"


def test_a_container_has_rules_of_its_own_for_restarts():
    rules = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]
    own = container(restartPolicy="Never", restartPolicyRules=rules)
    acts = {"main": Acts(exit_after_seconds=5, exit_code=42)}
    assert Play(containers=[own], acts=acts, restartPolicy="Always").until(9).of("main")["restartCount"] == 1
    acts = {"main": Acts(exit_after_seconds=5, exit_code=41)}
    assert Play(containers=[own], acts=acts, restartPolicy="Always").until(9).phase == "Failed"


def test_init_containers_run_one_after_the_other_before_all_else():
    passing = Acts(exit_after_seconds=3)
    play = Play(init=[container("first"), container("second")], acts={"first": passing, "second": passing})
    assert {play.state(name) for name in ("first", "second", "main")} == {"PodInitializing"}
    play.until(2)
    assert [play.state(name) for name in ("first", "second")] == ["running", "PodInitializing"]
    message = "containers with incomplete status: [first second]"
    assert play.condition("Initialized") == ("False", "ContainersNotInitialized", message)
    play.until(5)
    assert [play.state(name) for name in ("first", "second", "main")] == ["Completed", "running", "PodInitializing"]
    assert (play.of("first")["ready"], play.phase) == (True, "Pending")
    play.until(7)
    assert [play.state(name) for name in ("first", "second", "main")] == ["Completed", "Completed", "running"]
    assert play.condition("Initialized") == ("True", "", "")
    assert play.phase == "Running"


@pytest.mark.parametrize(("policy", "phase", "state"), [("Never", "Failed", "Error"), ("Always", "Pending", "Error")])
def test_an_init_container_that_fails_keeps_the_pod_from_starting(policy, phase, state):
    acts = {"first": Acts(exit_after_seconds=3, exit_code=1)}
    play = Play(init=[container("first")], acts=acts, restartPolicy=policy).until(4.5)
    assert (play.phase, play.state("first")) == (phase, state)
    play.until(9)
    assert play.of("first")["restartCount"] == (0 if policy == "Never" else 1)
    assert not play.messages("Started")[2:]


def test_sidecars_start_before_and_end_after_what_they_serve():
    sidecar = container("sidecar", restartPolicy="Always")
    acts = {"main": Acts(exit_after_seconds=10), "sidecar": Acts(stop_seconds=2)}
    play = Play(init=[sidecar], acts=acts, restartPolicy="Never").until(2)
    assert (play.state("sidecar"), play.state(), play.phase) == ("running", "running", "Running")
    assert (play.of("sidecar")["started"], play.of("sidecar")["ready"]) == (True, True)
    play.until(12)
    assert (play.state("sidecar"), play.state(), play.phase) == ("running", "Completed", "Running")
    play.until(13)
    assert (play.state("sidecar"), play.phase) == ("Completed", "Succeeded")
    assert play.messages("Killing") == ["Stopping container sidecar"]


def test_a_sidecar_is_restarted_whatever_the_pods_policy_is():
    acts = {"sidecar": Acts(exit_after_seconds=10, exit_code=1)}
    play = Play(init=[container("sidecar", restartPolicy="Always")], acts=acts, restartPolicy="Never").until(13)
    assert (play.of("sidecar")["restartCount"], play.phase, play.of("main")["restartCount"]) == (1, "Running", 0)


def test_what_comes_after_a_sidecar_waits_for_its_startup_probe():
    probe = {"httpGet": {"port": 80}, "periodSeconds": 5}
    sidecar = container("sidecar", restartPolicy="Always", startupProbe=probe)
    play = Play(init=[sidecar], acts={"sidecar": Acts(warm_up_seconds=7)}).until(8)
    assert (play.state("sidecar"), play.state(), play.phase) == ("running", "PodInitializing", "Pending")
    assert play.until(11).state() == "running"


def test_readiness_gates_hold_a_ready_pod_back():
    play = Play(readinessGates=[{"conditionType": "example.com/gate"}]).until(1)
    missing = 'corresponding condition of pod readiness gate "example.com/gate" does not exist.'
    assert play.condition("Ready") == ("False", "ReadinessGatesNotReady", missing)
    assert play.condition("ContainersReady")[0] == "True"
    play.manifest["status"]["conditions"].insert(0, {"type": "example.com/gate", "status": "False"})
    closed = 'the status of pod readiness gate "example.com/gate" is not "True", but False'
    play.manifest["metadata"]["generation"] += 1
    assert play.look().condition("Ready")[2] == closed
    play.manifest["status"]["conditions"][0]["status"] = "True"
    assert play.look().condition("Ready") == ("True", "", "")


def test_a_crash_ends_only_what_runs():
    play = Play()
    assert crash(play.life, play.pod, 137, play.now) is play.life
    play.until(9)
    play.life = crash(play.life, play.pod, 137, play.now)
    play.until(20)
    ended = play.of("main")["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "Error")
    assert (ended["startedAt"], ended["finishedAt"]) == (rfc3339(NOW + 1), rfc3339(NOW + 9))


def test_a_pod_over_its_deadline_fails():
    play = Play(activeDeadlineSeconds=60).until(59)
    assert play.phase == "Running"
    play.until(62)
    text = "Pod was active on the node longer than the specified deadline"
    assert (play.phase, play.status["reason"], play.status["message"]) == ("Failed", "DeadlineExceeded", text)
    assert play.messages("DeadlineExceeded") == [text]
    assert play.messages("Killing") == ["Stopping container main"]


def test_a_kubelet_that_starts_anew_goes_on_from_the_status():
    play = Play(acts={"main": Acts(exit_after_seconds=50, exit_code=3)}).until(100)
    known = resume(play.pod, play.around, play.now)
    assert [each.state for each in known.containers] == [each.state for each in play.life.containers]
    assert known.containers[0].restarts == play.life.containers[0].restarts == 1
    assert known.containers[0].ready
    play.until(106)
    assert play.state() == "CrashLoopBackOff"
    again = Play(acts=play.acts)
    again.manifest, again.now = play.manifest, play.now
    again.life = resume(again.pod, again.around, again.now)
    assert again.life.containers[0].state is State.WAITING
    again.look()
    assert (again.state(), again.of("main")["restartCount"]) == ("running", 2)


def test_a_pod_that_has_ended_or_not_begun_is_taken_as_such():
    play = Play(acts={"main": Acts(exit_after_seconds=5)}, restartPolicy="Never")
    assert resume(play.pod, play.around, play.now) is None
    play.until(9)
    assert resume(play.pod, play.around, play.now).stage is Stage.FINISHED


def test_the_back_off_has_a_limit():
    assert [backoff_seconds(failures) for failures in (0, 1, 5, 99)] == [10, 20, 300, 300]
