"""Rehearsals: a release is tried on a twin made of the cluster as it is, before anything of it is written.

Called by the AppService controller through its `Rehearsal` protocol (`app.py` puts them together) and by
`kubewright diff --rehearse`. The same controller plays the same release there, under virtual time: `reading` says what
is copied, `world` makes it fit to live on its own, `play` lets it live, `rehearse` puts them together.
"""
