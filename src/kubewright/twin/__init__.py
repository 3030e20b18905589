"""The twin: an embedded Kubernetes API server with simulated nodes, in this process.

It speaks the real protocol, so that kubectl and other clients work on it, and it runs on the ordinary loop and under
virtual time. What the contract suite says about a real control plane is its specification.

What it does not model stands in `NOT_MODELLED`: asking for that gets a Status that says so, never a wrong answer.
Besides that, known simplifications of what is modelled:
- Authorisation is by roles alone: there is no node authorizer, so a node's user may what is bound to it. Tokens are
  not cached, so one ends with its account at once. A client certificate of an unknown authority ends the handshake.
- Admission: not heeded are `enforce-mountable-secrets` of accounts, Pod Security's audit annotations and seccomp
  annotations. AppArmor annotations do not become fields. A bare `ApiServer` takes pods without a default
  ServiceAccount; a `Twin` does not.
- Volumes: only those of StorageClasses whose provisioner is `twin.kubewright.dev/disk` are made, grown and taken back;
  a released volume of anybody else stays. Nothing is attached or mounted, and nodes take any number.
- CEL: what an expression may cost is not limited. Expressions that use functions which the twin lacks
  (`expressions.functions.NOT_MODELLED`), macros with two variables, or dates and durations of a schema are refused.
- Validating admission policies: objects are shown in the version they are written in. There is no type checking in
  their status, no authorizer, and no audit annotations.
- Admission webhooks are found by URL, by an ExternalName, or by the annotation `twin.kubewright.dev/endpoint` of their
  Service: nothing carries packets to a simulated address. They are not asked about the status of quotas and budgets
  that changes with a pod, nor about the twin's own node leases. What they say for the audit log is dropped.
- Certificates are signed where the twin is served, by whom its clients trust; a twin in process has nobody to sign.
- The Gateway API's kinds (`--gateway-api`) are checked and kept; no controller acts on them.
- Autoscalers know the metrics of `metrics.k8s.io` alone: nobody can serve custom or external ones.
- Devices for claims are allocated by the scheduler; kubelets prepare nothing. Selectors and configurations of claims
  and classes are kept as they are, slices are not checked beyond their types, and the status of a claim may be written
  without the right to `resourceclaims/binding`.
- Every twin serves one kind more than a real cluster: Faults (`faults/`, `docs/faults.md`). Those of the network show
  in the latency and errors of simulated requests alone; full volumes in those of the pods that mount them.
- Kinds in `KEPT_ONLY` are validated, stored and watched, but no controller acts on them.
- Kubelets: volumes are there or not, with no time to attach them; probes take no time; containers log a few lines of
  their own. Not simulated: static pods, running ephemeral containers, RestartAllContainers, preemption for critical
  pods, swap, pid pressure, limits of a pod's storage as a whole. Pods that say nothing of their usage exceed no limit.
  What images a node has is not told in its status: schedulers cannot score by it.
- An update of the status of a Service that is not there is refused; a real server makes one of it, without an address.
- ServiceCIDRs do not widen the range of services, and no IPAddress is made for a service.
- History reaches back five to ten minutes, but never over more than the last 100,000 changes.
- A list over all namespaces is ordered by namespace, then name.
- A saved or copied cluster (`copying.py`) has no events, leases, webhooks or values of Secrets. Loaded, its nodes have
  simulated kubelets: a pod that was running and not ready becomes ready as its annotations say; nodes that were not
  ready stay silent. Conversion webhooks of loaded CRDs are dropped.
- Usage: containers do not compete for their node's cpu, and memory does not follow the load. The proxies to nodes,
  pods and services lead to metrics alone (`exporters/`), without timestamps. A fork counts requests anew.
- With `--speed` whatever the server times hurries, also what clients ask for: a watch's `timeoutSeconds`, bookmarks,
  the life of tokens. Clients that time by the wall clock see them N times as early.
"""

from __future__ import annotations

from collections.abc import Mapping

KEPT_ONLY: frozenset[tuple[str, str]] = frozenset(
    {
        ("", "podtemplates"),
        ("networking.k8s.io", "ingressclasses"),
        ("networking.k8s.io", "ingresses"),
        ("networking.k8s.io", "ipaddresses"),
        ("networking.k8s.io", "networkpolicies"),
        ("networking.k8s.io", "servicecidrs"),
        ("storage.k8s.io", "csidrivers"),
        ("storage.k8s.io", "csinodes"),
        ("storage.k8s.io", "csistoragecapacities"),
        ("storage.k8s.io", "volumeattachments"),
        ("storage.k8s.io", "volumeattributesclasses"),
    }
)

ACTED_ON: frozenset[tuple[str, str]] = frozenset(
    {
        ("", "configmaps"),
        ("", "endpoints"),
        ("", "events"),
        ("", "limitranges"),
        ("", "namespaces"),
        ("", "nodes"),
        ("", "persistentvolumeclaims"),
        ("", "persistentvolumes"),
        ("", "pods"),
        ("", "replicationcontrollers"),
        ("", "resourcequotas"),
        ("", "secrets"),
        ("", "serviceaccounts"),
        ("", "services"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        ("apps", "controllerrevisions"),
        ("apps", "daemonsets"),
        ("apps", "deployments"),
        ("apps", "replicasets"),
        ("apps", "statefulsets"),
        ("authentication.k8s.io", "selfsubjectreviews"),
        ("authentication.k8s.io", "tokenreviews"),
        ("autoscaling", "horizontalpodautoscalers"),
        ("authorization.k8s.io", "localsubjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectrulesreviews"),
        ("authorization.k8s.io", "subjectaccessreviews"),
        ("batch", "cronjobs"),
        ("batch", "jobs"),
        ("certificates.k8s.io", "certificatesigningrequests"),
        ("coordination.k8s.io", "leases"),
        ("discovery.k8s.io", "endpointslices"),
        ("events.k8s.io", "events"),
        ("policy", "poddisruptionbudgets"),
        ("rbac.authorization.k8s.io", "clusterrolebindings"),
        ("rbac.authorization.k8s.io", "clusterroles"),
        ("rbac.authorization.k8s.io", "rolebindings"),
        ("rbac.authorization.k8s.io", "roles"),
        ("resource.k8s.io", "deviceclasses"),
        ("resource.k8s.io", "resourceclaims"),
        ("resource.k8s.io", "resourceclaimtemplates"),
        ("resource.k8s.io", "resourceslices"),
        ("node.k8s.io", "runtimeclasses"),
        ("scheduling.k8s.io", "priorityclasses"),
        ("storage.k8s.io", "storageclasses"),
    }
)

NOT_MODELLED: Mapping[str, str] = {
    "alpha and beta versions": "versions of the API that are not stable",
    "CustomResourceDefinition conversion": "conversion webhooks: only the strategy None",
    "admissionregistration.k8s.io": "mutating admission policies",
    "apiregistration.k8s.io": "aggregated API servers",
    "certificates.k8s.io": "bundles of trust and certificates of pods",
    "flowcontrol.apiserver.k8s.io": "priority and fairness of requests",
    "resource.k8s.io": "rules for the taints of devices",
    "pods/attach": "attaching to containers",
    "pods/exec": "running commands in containers",
    "pods/portforward": "port forwarding",
}
