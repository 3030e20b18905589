"""Nodes by the hour: pools give back what can be spared, and have more where pods wait. NodePool -> Round -> writes.

`decide` is pure: `consolidate` asks `placement` which nodes can be emptied, `filling` which ones to add. `controller`
carries it out by the API and by a NodeProvider.
"""
