"""Puts together what can be scraped from a twin, and lets its API server answer with it; `cluster.py` calls it."""

from __future__ import annotations

from kubewright.client.transport import Request, Response
from kubewright.twin.call import Call
from kubewright.twin.controllers.context import Context
from kubewright.twin.exporters import resourceapi
from kubewright.twin.exporters.devices import Devices
from kubewright.twin.exporters.measuring import TwinSource
from kubewright.twin.exporters.proxy import Proxies
from kubewright.twin.exporters.resourceapi import ResourceApi, metrics_kinds
from kubewright.twin.exporters.sources import Sources
from kubewright.twin.kinds import KindInfo
from kubewright.twin.kubelet.driver import Kubelet
from kubewright.twin.routes import Route
from kubewright.twin.server import ApiServer
from kubewright.twin.usage.ledger import Ledger


class Exporters:
    """The usage of a twin's containers and GPUs, and everything that shows it; the server's `Backends`."""

    def __init__(self, context: Context, server: ApiServer, kubelet: Kubelet, *, seed: int) -> None:
        self.ledger = Ledger(context.clock, context.writer("kubelet").recorder, seed=seed)
        context.caches.pods.add_handler(self.ledger.on_pod)
        kubelet.usage = self.ledger
        sources = Sources(
            context.clock,
            context.caches,
            server.store,
            self.ledger,
            reachable=kubelet.answers,
            devices_on=lambda node: kubelet.state(node).devices,
            is_full=lambda claim: any(fault.hits_claim(claim) for fault in server.faults.now.on_claims),
        )
        self._proxies = Proxies(sources)
        self._resources = ResourceApi(sources)
        self.measurements = TwinSource(sources)
        for kind in metrics_kinds():
            server.kinds.add(kind)
        server.backends = self

    @property
    def devices(self) -> Devices:
        """Return the GPUs of all nodes."""
        return self._proxies.exposed.devices

    def proxied(self, kind: KindInfo, route: Route, request: Request) -> Response:
        """Answer what is passed on to a node, a pod or a service."""
        return self._proxies.answer(kind, route, request)

    def aggregated(self, call: Call) -> Response | None:
        """Answer for `metrics.k8s.io`."""
        return self._resources.answer(call) if call.kind.group == resourceapi.GROUP else None
