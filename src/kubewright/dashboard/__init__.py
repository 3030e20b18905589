"""What people see in a browser: a server of small view models, and the built front end in `static/`.

    informers -> views (pure: caches -> rows) -> Table (what changed) -> server-sent events -> web/

Nothing is decided here: rows are what the deciders wrote into the objects, or what `explain`, `queues` and `costs` say
when they are asked. Whoever looks sees what their own account may list, and acts with their own token
(`access.py`, `actions.py`). The sources of the front end are in `web/`.
"""
