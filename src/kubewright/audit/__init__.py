"""What was decided and done, written down so that nobody can change it unseen.

`log.AuditLog` is what services write by; `chain` makes and verifies links (pure). Docs: `docs/audit.md`, ADR 55.
"""
