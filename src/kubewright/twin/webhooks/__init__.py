"""Remote answers inside a request: what is asked, how it is remembered, and how it is carried.

The server never waits while it works on a request. Work that needs a webhook's answer raises `Unanswered`; the server
then awaits the answers and begins the request anew, and what was drawn or answered before stays the same
(`docs/adr/008-webhooks-by-repetition.md`).
"""
