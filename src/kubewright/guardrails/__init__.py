"""Guard rails: what the API server refuses by ValidatingAdmissionPolicies, rendered from `Rails`; no webhook is needed.

`render` is pure, and for whoever has `Rails`: PlatformPolicies (`controller.py`, here) and Teams.
"""
