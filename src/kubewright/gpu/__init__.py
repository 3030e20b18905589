"""GPUs: what pools of nodes do with them (GPUPolicy), and on each node the kubelet's device plugin."""
