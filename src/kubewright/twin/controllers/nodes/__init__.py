"""The life of nodes: silence, taints, who has to leave, and the pods of nodes that are gone."""
