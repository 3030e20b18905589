"""Random clusters and pods, placed by the real kube-scheduler and by `placement`, one pod at a time."""
