"""kubewright: an automated operations platform for Kubernetes."""

__version__ = "0.1.0"
