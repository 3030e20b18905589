"""Devices by claims (DRA): which devices of a node serve the claims of a pod. Pure; `placement/claims.py` asks.

`pools` has what drivers offer, seen from a node; `taken` what claims have of it; `allocator` finds devices; `results`
writes them as the claim's status has them. The rules, and which of several devices is taken, are those of
kube-scheduler's structured allocator.
"""
