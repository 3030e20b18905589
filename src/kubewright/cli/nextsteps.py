"""What to do about a failure, as a line below it. Pure."""

from __future__ import annotations

from kubewright.errors import ErrorKind, OpError

_STEPS = {
    ErrorKind.UNAVAILABLE: "is the cluster up? --context and --kubeconfig choose another one",
    ErrorKind.TIMEOUT: "is the cluster up and not overloaded? Try again, or choose another one with --context",
    ErrorKind.UNAUTHORIZED: "log in to the cluster anew: its token or certificate is not accepted (any more)",
    ErrorKind.FORBIDDEN: "`kubewright doctor` says what you may; `kubewright rbac` prints what a service needs",
    ErrorKind.CONFLICT: "somebody changed it meanwhile: look again, and repeat",
    ErrorKind.EXHAUSTED: "the server asks for patience: try again in a while",
}
_OF_CLUSTERS = {ErrorKind.UNAVAILABLE, ErrorKind.TIMEOUT, ErrorKind.CONFLICT, ErrorKind.EXHAUSTED}
"""Of anything else, such as a disk or a newer release, the failure itself says what to do."""
_NO_KIND = "the cluster lacks the kind: kubewright crds | kubectl apply --server-side -f -"
_UNKNOWN_KIND = ("could not find the requested resource", "404 page not found")
_NO_CLUSTER = "no cluster at hand? `kubewright twin serve --kubeconfig FILE` serves one, `kubewright demo` shows one"


def next_step(failure: OpError) -> str:
    """Return what whoever called may do about it; nothing where the failure says it all."""
    if failure.kind is ErrorKind.NOT_FOUND and any(words in failure.detail for words in _UNKNOWN_KIND):
        return _NO_KIND
    if failure.op.startswith("kubeconfig"):
        return _NO_CLUSTER
    if failure.kind in _OF_CLUSTERS and not failure.op.startswith("client"):
        return ""
    return _STEPS.get(failure.kind, "")
