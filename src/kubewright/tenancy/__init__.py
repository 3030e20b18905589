"""Teams on one cluster: namespaces, roles, quotas, network and a queue for each, from one object.

`family` says what a team may have beside the others, `rendering` what objects that comes to, `decide` what is missing.
"""
