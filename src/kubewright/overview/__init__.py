"""Is all well? What one screen says of a cluster and of the platform on it, for `kubewright status` and `top`."""
