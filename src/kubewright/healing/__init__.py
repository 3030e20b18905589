"""The healer: from signals to named causes with their evidence, and from causes to plans that are proved to help.

    signals -> diagnose.py -> Findings -> Incidents -> permission.py -> decide.py -> Plan -> verified, undone, escalated

`finding.py` has the nouns, `catalogue.py` the causes, each a small entry; `controller.py` does the I/O.
"""
