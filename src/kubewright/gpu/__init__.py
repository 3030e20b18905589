"""GPUs on a node: the kubelet's device plugin, which gives pods the GPUs that the scheduler chose for them."""
