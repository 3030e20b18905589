"""Webhooks of operators: validating, defaulting and converting their kinds.

An operator declares them by plain functions (`Webhooks`); `reviews` speaks the API server's reviews, `keeping` makes
and renews the certificates and tells the API server where to ask and whom to trust. `kubewright operate --webhooks`
serves them.
"""

from __future__ import annotations

from kubewright.runtime.webhooks.declared import Conversion, Webhooks

__all__ = ["Conversion", "Webhooks"]
