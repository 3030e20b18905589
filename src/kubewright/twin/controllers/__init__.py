"""The twin's kube-controller-manager: controllers that only know a `Client`, so they would run on any cluster.

Each is a pure function from what was observed to a tuple of writes, and a thin reconciler that carries them out.
"""
