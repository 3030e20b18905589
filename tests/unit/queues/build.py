"""Queues in one line each."""

from kubewright.api.crds.queue import Queue, QueueSpec, Quota
from kubewright.api.meta import ObjectKey, ObjectMeta
from kubewright.queues.rules import read_queues
from kubewright.queues.tree import QuotaTree
from kubewright.queues.units import Holder


def queue(name, *, gpus=None, borrowing=None, lending=None, parent="", **spec):
    quotas = () if gpus is None else (Quota("nvidia.com/gpu", "", gpus, borrowing, lending),)
    return Queue(metadata=ObjectMeta(name=name, generation=1), spec=QueueSpec(parent=parent, quotas=quotas, **spec))


def tree(*queues):
    return QuotaTree(read_queues(queues)[0])


def gpus(amount):
    return {"nvidia.com/gpu": amount}


def holder(name, queue="", n_gpus=1, *, node="n", priority=0, since=0.0, gang=None, protected=False):
    return Holder(ObjectKey("ns", name), node, queue, gpus(n_gpus), priority, since, gang, protected)
