"""What simulated containers use: profiles that are data, evaluated at any moment for nothing in between.

A `Profile` holds `Curve`s, pure functions of time with exact integrals, so that a counter needs no ticking: its value
at a scrape is the integral up to then. The kubelet asks a memory curve when it will reach a limit, exporters ask for
rates and totals, and faults lay an `Overlay` on a profile. `profiles.py` finds a pod's profiles.
"""
