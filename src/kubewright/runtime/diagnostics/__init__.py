"""What a process shows of itself under `--debug`, to those whom the cluster lets see it: `/debug/*`."""
