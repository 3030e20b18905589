"""How many replicas an application needs, and how large: Kubernetes' rules, a forecast's, and a model of both. Pure.

`usage`, `limits` and `turn` are the HorizontalPodAutoscaler's rules, which the twin's controller runs. `forecast` says
how much the load may grow until pods that are asked for now are ready. `policies` makes numbers of replicas of both,
and `backtest` replays policies on recorded load, on the queue of `queueing`. `sizing` says what a container
should request, by the `histogram` of what it and its like have used.
"""
