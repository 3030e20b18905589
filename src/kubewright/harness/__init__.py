"""Puts an operator through every fault that a cluster has for it, on the twin under virtual time.

Each plan is one life of the operator from a prepared state with one thing going wrong: killed at its k-th write, a view
that is stale, a watch that loses events, a conflict, somebody else's write in between, one property changed.
It is compared with the same life undisturbed, and what was written on the way is looked at as well, since retries hide
faults from final states. After Sieve (OSDI 2022) and Acto (SOSP 2023).

    subject -> stages (what a user does) -> reference lives -> plans -> lives with a fault -> checks -> report

`kubewright test operator` runs it; `runner.examine` is the way in.
"""
