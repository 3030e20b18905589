"""What can be scraped from the twin, as a real Prometheus scrapes it from a real cluster: names, labels, units, paths.

Everything is computed from objects and from the usage ledger when it is asked for. `proxy.py` routes the API server's
nodes, pods and services proxies here; a pod is an exporter if its image is one (`exposed.py`).
"""
