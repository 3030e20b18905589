"""Gangs and teams' queues around the scheduler's cycle: who is decided together, who may, and who gives way.

`cycle.py` is asked by the service in place of the single pod's cycle, and asks that in turn. Without gangs and queues
nothing else of this folder is touched.
"""
