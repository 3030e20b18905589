"""Taking pods off their nodes: one budget for whoever does. A `Plan` says `Evict`, its executor asks the server."""
