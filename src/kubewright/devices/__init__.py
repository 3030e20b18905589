"""Which device? One capacity model of GPUs and one allocator, for all who place pods. Pure.

`placement` asks whether and where, the scheduler writes the answer on the pod, the node agent obeys what was written.
"""
