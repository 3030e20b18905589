"""Signals: what tells of faults, from alerts and from the API itself, before anybody has judged what the cause is.

nodes, leases, pods, deployments, events -> decide (nodes.py, pods.py, others.py, pure) -> watching.py -.
Alertmanager -> receiver -> incoming.py ---------------------------------------------------------------> Standing
-> keys on one queue -> SignalHandler

`monitoring` and `healing` each run it (`service.py`) with a handler of their own.
"""
