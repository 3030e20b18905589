"""The node agent, `kubewright agent node`: what no API tells of a node, from the node itself.

kernel log, disks, clock, runtime, kubelet -> Sighting -> book.py (pure) -> conditions of the Node, and events
neighbours                                 -> what its Lease says (api/nodeagent.py), renewed every 20 seconds
the Lease, not renewed                     -> fencing.py (pure) -> the machine's watchdog

It lists and watches nothing. At 5,000 nodes the leases are 250 writes a second in all, half of what kubelets' own are;
conditions are written when they change alone.
"""
