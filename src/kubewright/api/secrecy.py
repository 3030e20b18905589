"""What must not be told: secrets are taken out of texts before they are kept, shown or sent. Pure.

It goes by what secrets look like and by what they are called. Whoever writes texts should not put any in; this is for
what comes from elsewhere: messages of servers, logs, arguments.
"""

from __future__ import annotations

import re

HIDDEN = "[redacted]"
_NAMES = r"[\w.-]*(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)s?[\w.-]*"
_NAME = re.compile(f"(?i)^{_NAMES}$")
_PATTERNS = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{4,}\.[\w-]{4,}\.[\w-]*"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), HIDDEN),
    (re.compile(r"\b(?:gh[pousr]_|glpat-|xox[abpr]-)[\w-]{16,}"), HIDDEN),
    (re.compile(r"\b([a-z][a-z0-9+.-]*://[^\s/:@]+):[^\s/@]+@", re.IGNORECASE), rf"\1:{HIDDEN}@"),
    (re.compile(rf"(?i)\b({_NAMES})(\"?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&\"']+)"), rf"\1\2{HIDDEN}"),
)


def redacted(text: str) -> str:
    """Return a text without what looks like a secret."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def is_secret_name(name: str) -> bool:
    """Tell whether what is called so is likely to be a secret."""
    return _NAME.match(name) is not None
