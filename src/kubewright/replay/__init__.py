"""A working day of a whole cluster, lived twice under virtual time, and what each of two configurations made of it.

`kubewright replay` calls it. The crowd (every pod, every step of every application) is decided by the functions that
the services decide by, driven by a lean loop; faults and releases are played by the services themselves on twins
(ADR 57 and 58). One seed gives one report, byte for byte.
"""
