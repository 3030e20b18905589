"""How many replicas an application needs: Kubernetes' own rule, a forecast's, and a model to compare them by. Pure.

`usage`, `limits` and `turn` are the HorizontalPodAutoscaler's rules, which the twin's controller runs. `forecast` says
how much the load may grow until pods that are asked for now are ready. `policies` makes numbers of replicas of both,
and `backtest` replays policies on recorded load, on the queue of `queueing`.
"""
