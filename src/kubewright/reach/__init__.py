"""Whether one end of a cluster's network reaches another, by which rules, and what would let it: pure decisions.

    Side -> ways (dns, service -> endpoints) -> policies, meshes -> Hops -> Answer -> remedies, tried on the world

`kubewright net can-reach` asks `questions.can_reach`. Only `reading` does I/O: it fills a `World` from an API server.
"""
