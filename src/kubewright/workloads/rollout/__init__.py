"""Rollouts: how a change of an application reaches its users, and how it is taken back.

What is remembered is `status.rollout` alone. `decide` is the only one who changes it, by what `evidence` and `budget`
make of pods and measurements; the children are a function of the spec and of it (`stage`). So it is written first, and
then carried out: whoever is killed in between goes on from there.
"""
