"""What a cluster costs and whose that is: OpenCost's allocation (specification v0.1), in whole numbers: sums are exact.

Pure. `facts` are what there was; `allocate` charges it to whoever asked for it or used it; `budget` foretells a month.
"""
