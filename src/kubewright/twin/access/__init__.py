"""Who may do what: users, roles and bindings, and the one authorizer that every request and every review asks.

Nothing here does I/O. `server.py` asks before it answers, admission asks before a role grows, and `reviews.py` lets
others ask. `Policy` follows the store, so that a check reads an index and costs microseconds.
"""
