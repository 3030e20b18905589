"""Objects as metrics, under the names and labels of kube-state-metrics 2.x.

One module for each group of kinds lists families; `state.py` renders them, an object once for each of its versions.
"""
