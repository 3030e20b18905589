"""ResourceQuota: what a namespace may hold in all, by count and by amount.

`usage` says what one object takes, `scopes` whose quota counts it, `check` what a write may add. The controller that
recalculates a quota asks the same two.
"""
