"""The headers of acting as someone else. They go beside the own credentials, which decide whether that is allowed."""

from __future__ import annotations

from urllib.parse import quote

from kubewright.client.config import Impersonation


def impersonation_headers(impersonation: Impersonation | None) -> list[tuple[str, str]]:
    """Return the `Impersonate-*` headers; groups and extras repeat theirs."""
    if impersonation is None:
        return []
    headers = [("impersonate-user", impersonation.user)]
    if impersonation.uid:
        headers.append(("impersonate-uid", impersonation.uid))
    headers += [("impersonate-group", group) for group in impersonation.groups]
    for name, values in impersonation.extra.items():
        # Header names take no slash or colon, so the server unquotes them.
        headers += [(f"impersonate-extra-{quote(name.lower(), safe='')}", value) for value in values]
    return headers
