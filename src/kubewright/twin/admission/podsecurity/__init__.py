"""Pod Security: how much a namespace lets its pods do, by its labels.

`policy` reads the labels, `baseline` and `restricted` have the checks, `evaluate` runs those of a level and version,
`check` is the plugin. Not heeded: the annotations that named seccomp profiles before v1.19, and audit annotations.
"""
