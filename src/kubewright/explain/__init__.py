"""Why a pod waits, what would let it run and when it will, and what a change would do: by forks of the cluster."""
