"""Rehearsals: a release or a remedy is tried on a twin made of the cluster as it is, before anything of it is written.

Releases: called by the AppService controller through its `Rehearsal` protocol (`app.py` puts them together) and by
`kubewright diff --rehearse`. The same controller plays the same release there, under virtual time: `reading` says what
is copied, `world` makes it fit to live on its own, `play` lets it live, `rehearse` puts them together. Remedies: called
by the healer through its own protocol; `part` is what is copied, out of its caches, `remedies` lives through the plan.
"""
