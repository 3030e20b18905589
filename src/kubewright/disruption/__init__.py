"""Taking pods off nodes, and nodes out of service: one budget and one drain for whoever does.

`permits` is where services ask before they act; `limits` decides (pure), by `DisruptionLimit` objects and those built
in. `drain` says who of a node goes next. A `Plan` says `Evict`, its executor asks the server, which has the last word.
"""
