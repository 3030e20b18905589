"""Starting containers, in their order: image, configuration, process, and what each says when it fails. Pure."""

from __future__ import annotations

import msgspec

from kubewright.twin.kubelet import exits, probing
from kubewright.twin.kubelet.exits import go_duration
from kubewright.twin.kubelet.images import is_name
from kubewright.twin.kubelet.life import Run, State, backoff_seconds
from kubewright.twin.kubelet.limits import MEMORY, STORAGE
from kubewright.twin.kubelet.turn import Turn

RETRY_SECONDS = 12.0
"""Between two tries to make a container that cannot be made as things are."""
_NOTICED_AFTER_SECONDS = 1.0
_START_ERROR_CODE = 128
_AT_REST = frozenset({State.RUNNING, State.EXITED})


def start_what_may(turn: Turn) -> None:
    """Start the containers whose turn it is: init containers one after the other, then all others."""
    for position, spec in enumerate(turn.specs):
        container = turn.containers[position]
        if container.state not in _AT_REST and (container.due_at is None or container.due_at <= turn.now):
            _bring_on(turn, position)
            container = turn.containers[position]
        if turn.initialized and not turn.is_main(position):
            continue
        if turn.is_main(position):
            # Images are pulled one after the other: what comes later in the pod waits for it.
            if container.state is State.PULLING:
                return
        elif spec.is_sidecar:
            if not container.started:
                return
        elif container.state is not State.EXITED or container.ended is None or container.ended.exit_code:
            return


def _bring_on(turn: Turn, position: int) -> None:
    container = turn.containers[position]
    match container.state:
        case State.PULLING:
            _end_pull(turn, position)
        case State.PULL_FAILED:
            _back_off_pulling(turn, position)
        case State.BACKOFF:
            turn.change(position, state=State.WAITING, due_at=None, reason="", message="")
            _ensure_image(turn, position)
        case _:
            _ensure_image(turn, position)


def _ensure_image(turn: Turn, position: int) -> None:
    spec, images = turn.specs[position], turn.around.images
    image, policy = spec.image, spec.image_pull_policy
    if not is_name(image):
        text = f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": '
        text += "invalid reference format"
        turn.tell("Warning", "InspectFailed", text, position)
        _refuse(turn, position, "InvalidImageName", text)
    elif policy == "Never" and image not in images:
        text = f'Container image "{image}" is not present with pull policy of Never'
        turn.tell("Warning", "ErrImageNeverPull", text, position)
        _refuse(turn, position, "ErrImageNeverPull", text)
    elif policy == "Always" or image not in images:
        acts = turn.acts(position)
        seconds = min(acts.pull_seconds, 0.5) if image in images else acts.pull_seconds
        turn.tell("Normal", "Pulling", f'Pulling image "{image}"', position)
        pull = images.pull(image, seconds, turn.now)
        turn.change(position, state=State.PULLING, pull_began_at=turn.now, due_at=pull.ends_at)
        if pull.ends_at <= turn.now:
            _end_pull(turn, position)
    else:
        images.touch(image, turn.now)
        text = f'Container image "{image}" already present on machine and can be accessed by the pod'
        turn.tell("Normal", "Pulled", text, position)
        _create(turn, position)


def _end_pull(turn: Turn, position: int) -> None:
    acts, images, image = turn.acts(position), turn.around.images, turn.specs[position].image
    container = turn.containers[position]
    if acts.pull_error:
        images.end_pull(image)
        turn.tell("Warning", "Failed", f'Failed to pull image "{image}": {acts.pull_error}', position)
        turn.tell("Warning", "Failed", "Error: ErrImagePull", position)
        turn.change(
            position,
            state=State.PULL_FAILED,
            reason="ErrImagePull",
            message=acts.pull_error,
            due_at=turn.now + _NOTICED_AFTER_SECONDS,
            pull_failures=container.pull_failures + 1,
        )
        return
    alone = turn.now - max(images.began_at(image, container.pull_began_at), container.pull_began_at)
    images.add(image, acts.image_bytes, turn.now, turn.around.images_in_use())
    waited = turn.now - container.pull_began_at
    turn.tell(
        "Normal",
        "Pulled",
        f'Successfully pulled image "{image}" in {go_duration(alone)} ({go_duration(waited)} including waiting). '
        f"Image size: {acts.image_bytes} bytes.",
        position,
    )
    turn.change(position, pull_failures=0)
    _create(turn, position)


def _back_off_pulling(turn: Turn, position: int) -> None:
    container, image = turn.containers[position], turn.specs[position].image
    text = f'Back-off pulling image "{image}"'
    turn.tell("Normal", "BackOff", text, position)
    turn.tell("Warning", "Failed", "Error: ImagePullBackOff", position)
    turn.change(
        position,
        state=State.PULL_BACKOFF,
        reason="ImagePullBackOff",
        message=f"{text}: {container.reason}: {container.message}",
        due_at=turn.now - _NOTICED_AFTER_SECONDS + backoff_seconds(container.pull_failures - 1),
    )


def _create(turn: Turn, position: int) -> None:
    container, spec, acts = turn.containers[position], turn.specs[position], turn.acts(position)
    missing = turn.around.missing.variables.get(spec.name)
    if missing:
        turn.tell("Warning", "Failed", f"Error: {missing}", position)
        _wait(turn, position, "CreateContainerConfigError", missing)
        return
    turn.tell("Normal", "Created", "Container created", position)
    number = container.restarts + 1 if container.ended is not None else container.restarts
    turn.change(position, restarts=number, last=container.ended or container.last, ended=None)
    turn.change(position, actual=container.allocated)
    if acts.start_error:
        turn.tell("Warning", "Failed", f"Error: {acts.start_error}", position)
        run = Run(turn.now, turn.now, _START_ERROR_CODE, number, "StartError")
        again = turn.pod.spec.restart_policy != "Never"
        exits.note(turn, position, run, again=again, reason="RunContainerError", message=acts.start_error)
        return
    turn.tell("Normal", "Started", "Container started", position)
    exit_after = acts.exit_after_seconds
    turn.change(
        position,
        state=State.RUNNING,
        due_at=None,
        reason="",
        message="",
        started_at=turn.now,
        exit_at=None if exit_after is None else turn.now + exit_after,
        exit_code=acts.exit_code,
        exit_reason="",
    )
    watch_limits(turn, position)
    probing.begin(turn, position)


def watch_limits(turn: Turn, position: int) -> None:
    """Find out when a container that runs will use more than it may."""
    crossing = turn.around.crossing
    if crossing is not None:
        container, spec = turn.containers[position], turn.specs[position]
        if container.actual is not None and container.actual != spec.resources:
            spec = msgspec.structs.replace(spec, resources=container.actual)
        since = container.started_at
        oom_at = crossing(spec, MEMORY, since, turn.now)
        turn.change(position, oom_at=oom_at, full_at=crossing(spec, STORAGE, since, turn.now))


def _refuse(turn: Turn, position: int, reason: str, message: str) -> None:
    turn.tell("Warning", "Failed", f"Error: {reason}", position)
    _wait(turn, position, reason, message)


def _wait(turn: Turn, position: int, reason: str, message: str) -> None:
    turn.change(position, state=State.REFUSED, reason=reason, message=message, due_at=turn.now + RETRY_SECONDS)
