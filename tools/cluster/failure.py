"""The one exception of the control plane's tooling."""


class ClusterError(Exception):
    """Something outside went wrong: no Go, a failed build, a component that did not start. The text says what to do."""
