"""Putting the platform into a cluster: what its objects are, said once, and how they get there, change and go.

`services.py` lists what runs, `manifests.py` makes objects of it, `chart.py` and `kustomize.py` write the same objects
as files; `guards.py` says what speaks against it, `applying.py` and `removing.py` do it, for `kubewright install`.
"""
