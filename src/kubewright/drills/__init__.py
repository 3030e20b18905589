"""Drills: something is broken on purpose, and who notices, finds the cause, mends it and proves it is timed.

    a Drill (what is there, what goes wrong, which causes are right answers, when service is back: data)
    -> live.py plays it on a cluster -> Outcome (times, causes named, what was touched) -> a table

`kubewright drill` plays them on a twin and, those that harm nobody, on a real cluster; `benches/healing.py` plays all
of them under virtual time, with the platform and without.
"""
