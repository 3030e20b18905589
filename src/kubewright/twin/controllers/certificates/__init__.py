"""Certificates for those who ask: kubelets' own requests are approved, and what is approved is signed."""
