"""How many watch events of 6.9 KB pods a client takes in per second of its own CPU time.

The server is another process that sends prepared lines, each in a chunk of its own, as API servers do. Ours is the
whole way from the socket through `HttpTransport` and `RestClient.watch` to typed events; the peer is what most Python
clients do: aiohttp's lines and `json.loads`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from benches.report import Result, alternate, compared, report, result
from kubewright.api.core import PODS, Pod
from kubewright.api.interning import Interner
from kubewright.client.config import ConnectionConfig
from kubewright.client.connect import connect
from kubewright.store.index import Index

GOAL_EVENTS_PER_CPU_SECOND = 25_000
GOAL_KILOBYTES = 10
CACHED_PODS = 20_000
POD_BYTES = 6_900
DISTINCT_PODS = 200


def pod(number: int) -> dict[str, Any]:
    """Return a pod as an API server sends it, managedFields, probes and all."""
    env = [{"name": f"SETTING_{i}", "value": f"value-{number}-{i}"} for i in range(12)]
    probe = {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10, "timeoutSeconds": 1}
    mount = {"name": "kube-api-access", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": True}
    condition = {"status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z", "lastProbeTime": None}
    document: dict[str, Any] = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": f"checkout-6d4cf56db6-{number:05d}",
            "generateName": "checkout-6d4cf56db6-",
            "namespace": f"team-{number % 50}",
            "uid": f"4b1c7a52-0000-4000-8000-{number:012d}",
            "resourceVersion": str(1_000_000 + number),
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"app": "checkout", "pod-template-hash": "6d4cf56db6", "team": f"team-{number % 50}"},
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "9090"},
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": "checkout-6d4cf56db6",
                    "uid": "5d1e",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
            "managedFields": [],
        },
        "spec": {
            "nodeName": f"node-{number % 500}",
            "serviceAccountName": "checkout",
            "schedulerName": "default-scheduler",
            "priority": 0,
            "restartPolicy": "Always",
            "tolerations": [
                {
                    "key": f"node.kubernetes.io/{why}",
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": 300,
                }
                for why in ("not-ready", "unreachable")
            ],
            "containers": [
                {
                    "name": name,
                    "image": f"registry.example/{name}:1.2.3",
                    "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                    "env": env,
                    "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
                    "readinessProbe": probe,
                    "livenessProbe": probe,
                    "volumeMounts": [mount],
                    "imagePullPolicy": "IfNotPresent",
                }
                for name in ("checkout", "proxy")
            ],
        },
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.1",
            "hostIP": "192.168.0.1",
            "startTime": "2026-01-01T00:00:00Z",
            "qosClass": "Burstable",
            "conditions": [
                {"type": type_, **condition} for type_ in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
            ],
            "containerStatuses": [
                {
                    "name": name,
                    "ready": True,
                    "restartCount": 0,
                    "image": f"registry.example/{name}:1.2.3",
                    "imageID": "sha256:" + "0" * 64,
                    "containerID": "containerd://" + "0" * 64,
                    "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
                }
                for name in ("checkout", "proxy")
            ],
        },
    }
    _fill(document)
    return document


def _fill(document: dict[str, Any]) -> None:
    """Add managedFields, which are the rest of a real pod, until it is as large as the measured ones."""
    fields: dict[str, Any] = {}
    entry = {
        "manager": "kubelet",
        "operation": "Update",
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    document["metadata"]["managedFields"].append(entry)
    missing = POD_BYTES - len(_encode(document))
    while missing > 0:
        name = f"f:field{len(fields):03d}"
        fields[name] = {"f:name": {}, "f:value": {}}
        missing -= len(_encode({name: fields[name]})) - 1


def _encode(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def prepared() -> bytes:
    """Return the chunks of all distinct events, ready for the socket."""
    lines = [_encode({"type": "MODIFIED", "object": pod(i)}) + b"\n" for i in range(DISTINCT_PODS)]
    return b"".join(b"%x\r\n%b\r\n" % (len(line), line) for line in lines)


async def serve() -> None:
    """Answer every request with `timeoutSeconds` times the prepared events; print the port."""
    block = prepared()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        rounds = int(head.split("timeoutSeconds=")[1].split()[0].split("&")[0])
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(rounds):
            writer.write(block)
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


async def take_ours(url: str, rounds: int) -> int:
    client = connect(ConnectionConfig(url))
    count = 0
    async for event in client.watch(PODS, timeout_seconds=rounds):
        assert event.obj is not None
        count += 1
    await client.close()
    return count


async def take_peer(url: str, rounds: int) -> int:
    count = 0
    query = {"watch": "true", "timeoutSeconds": str(rounds)}
    async with aiohttp.ClientSession() as session, session.get(f"{url}/api/v1/pods", params=query) as answer:
        async for line in answer.content:
            assert json.loads(line)["object"]["metadata"]["name"]
            count += 1
    return count


def per_cpu_second(take: Coroutine[Any, Any, int], expected: int) -> float:
    begun = time.process_time()
    count = asyncio.run(take)
    seconds = time.process_time() - begun
    assert count == expected, (count, expected)
    return count / seconds


def memory(case: str, keep: Callable[[Pod], Pod]) -> Result:
    """Fill an informer's index with distinct pods and see what each adds to the resident memory."""
    index: Index[Pod] = Index()
    decoder = msgspec.json.Decoder(Pod)
    before = resident_kilobytes()
    for number in range(CACHED_PODS):
        cached = keep(decoder.decode(_encode(pod(number))))
        index.put(cached.key, cached)
    kilobytes = (resident_kilobytes() - before) / CACHED_PODS
    return result(case, "KB", [kilobytes], goal=GOAL_KILOBYTES, less_is_better=True)


def resident_kilobytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000, help="events a run")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
        return
    command = [sys.executable, "-m", "benches.watch_decode", "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as server:
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            rounds = max(1, options.events // DISTINCT_PODS)
            expected = rounds * DISTINCT_PODS
            ours, peer = alternate(
                options.runs,
                lambda: per_cpu_second(take_ours(url, rounds), expected),
                lambda: per_cpu_second(take_peer(url, rounds), expected),
            )
        finally:
            server.terminate()
    case = f"watch of {len(_encode(pod(0))):,} byte pods"
    unit = "events/CPU-s"
    report(
        "watch_decode",
        [
            result(case, unit, ours, goal=GOAL_EVENTS_PER_CPU_SECOND),
            compared(case, unit, ours, peer, "aiohttp lines and json.loads"),
            memory("a cached pod, every part its own", lambda fresh: fresh),
            memory("a cached pod, equal parts shared", Interner().intern),
        ],
    )


if __name__ == "__main__":
    main()
