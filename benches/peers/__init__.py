"""The same small operator written for three kits; `benches/operator.py` runs each as a process of its own."""
