"""The live scheduler: puts pending pods on nodes, by `placement`, as fast as the API server takes the bindings."""
