"""A sweep of seeds as an Indexed Job: a pod for each prints its document, and whoever asked reads their logs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from kubewright.api.batch import JOBS, Job
from kubewright.api.conditions import find_condition
from kubewright.api.core import PODS, Pod
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError

LOOK_SECONDS = 5.0
_INDEX = "batch.kubernetes.io/job-completion-index"
_JOB_NAME = "batch.kubernetes.io/job-name"
_NOBODY = 65532
_FORGOTTEN_SECONDS = 3600
"""A Job whose asker has gone is deleted so long after its end."""
_MOST_TAIL = 500
_MARK = '{"replays"'
Document = dict[str, Any]


def job(arguments: Sequence[str], seeds: Sequence[int], *, image: str, at_once: int) -> Manifest:
    """Return the Job that lives through a seed in each of its pods, so many at once; a pod is tried twice."""
    listed = ",".join(map(str, seeds))
    container: Manifest = {
        "name": "replay",
        "image": image,
        "args": ["replay", *arguments, "--seeds", listed, "--index=$(JOB_COMPLETION_INDEX)", "--jobs=1"],
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "3Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108  the one place that can be written
    }
    pod: Manifest = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _NOBODY,
            "runAsGroup": _NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
    }
    labels = {"app.kubernetes.io/name": "kubewright-replay"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": "replay-", "labels": labels},
        "spec": {
            "completionMode": "Indexed",
            "completions": len(seeds),
            "parallelism": min(at_once, len(seeds)),
            "backoffLimitPerIndex": 1,
            "ttlSecondsAfterFinished": _FORGOTTEN_SECONDS,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


async def sweep(client: Client, namespace: str, manifest: Manifest, done: Callable[[int], None]) -> list[Document]:
    """Have a Job's pods live through their days, and return the documents by seed's place; raises OpError.

    The Job is deleted at the end, however it ends; `done` hears how many pods have ended well.
    """
    made = await client.create(JOBS, manifest, namespace=namespace)
    try:
        await _ended(client, made.key, done)
        return [_document(await _log(client, each), each) for each in await _pods(client, made)]
    finally:
        await client.delete(JOBS, made.key, uid=made.metadata.uid, propagation="Background")


async def _ended(client: Client, key: ObjectKey, done: Callable[[int], None]) -> None:
    told = 0
    while True:
        found = await client.get(JOBS, key)
        if found.status.succeeded > told:
            told = found.status.succeeded
            done(told)
        failed = find_condition(found.status.conditions, "Failed")
        if failed is not None and failed.is_true:
            tail = await _last_words(client, found)
            raise OpError("replay", ErrorKind.UNAVAILABLE, f"Job/{key}", f"{failed.message}{tail}")
        complete = find_condition(found.status.conditions, "Complete")
        if complete is not None and complete.is_true:
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _pods(client: Client, made: Job, phase: str = "Succeeded") -> list[Pod]:
    """Return a pod for each index that ended so, in their order."""
    selector = f"{_JOB_NAME}={made.metadata.name}"
    listed = (await client.list(PODS, namespace=made.metadata.namespace, label_selector=selector)).items
    found = {int(each.metadata.annotations.get(_INDEX, "0")): each for each in listed if each.status.phase == phase}
    return [found[index] for index in sorted(found)]


async def _log(client: Client, pod: Pod) -> str:
    where = f"/api/v1/namespaces/{pod.metadata.namespace}/pods/{pod.metadata.name}/log"
    return str(await client.raw("GET", where))


async def _last_words(client: Client, found: Job) -> str:
    """Return the end of what one of those that failed has said."""
    for pod in await _pods(client, found, "Failed"):
        try:
            return f"; pod {pod.metadata.name} said: {(await _log(client, pod)).strip()[-_MOST_TAIL:]}"
        except OpError:
            continue
    return ""


def printed(document: Document) -> str:
    """Write a document as the one line that `sweep` looks for."""
    return json.dumps({"replays": [document]}, separators=(",", ":"))


def _document(log: str, pod: Pod) -> Document:
    """Return what a pod printed among whatever else is in its log; raises OpError."""
    try:
        line = next(each for each in reversed(log.splitlines()) if each.startswith(_MARK))
        return json.loads(line)["replays"][0]
    except (StopIteration, ValueError, LookupError, TypeError) as error:
        why = "its log holds no whole report"
        raise OpError("replay", ErrorKind.INVALID, f"Pod/{pod.key}", why) from error
