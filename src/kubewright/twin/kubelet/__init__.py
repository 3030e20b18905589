"""The simulated kubelets: what runs the pods of simulated nodes, on the twin and on a real control plane alike.

`driver` is the thin part: one queue for all nodes, no task a pod. What becomes of a pod is decided in pure functions,
which say when something happens next, so that a pod that only runs costs nothing. How containers behave is asked of
`behaviour` (annotations and latencies drawn from the seed) and `faults` (what somebody broke on purpose).
"""
