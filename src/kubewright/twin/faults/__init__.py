"""Faults as objects: what `kubectl apply` of a Fault breaks in the twin, and `kubectl delete` mends.

    Fault objects + nodes and pods -> decide.py (pure) -> InForce -> whoever acts: kubelets, heartbeats, the API server
                                                      -> status of the Fault, and when to look again

`fault.py` is the kind, `controller.py` the loop around `decide`. Who acts reads the `Board` when something happens, and
is told when what is in force changes; so a fault that ends leaves nothing behind.
"""
