"""What a cluster costs, read from it: as it is now by its API, and as it was by a store's series.

`recorded` and `present` make the facts that `costs` allocates; `service` tells Prometheus what everybody costs an hour,
from which `teams` knows what teams spent.
"""
