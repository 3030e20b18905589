"""Objects and a store's answers."""

from kubewright.api.core import Namespace, Node, Pod
from kubewright.api.meta import ObjectMeta, OwnerReference
from kubewright.series.protocol import Missing, PodQuery, Series, Why
from tests.unit.placement import build


def node(name="a", *, labels=(), **options):
    return build.node(name, labels=dict(labels), **options)


def pod(name="web-1", *, namespace="shop", on="a", labels=(), owner=None, phase="Running", **requests):
    made: Pod = build.pod(
        name, on=on, phase=phase, requests={key.replace("__", "/"): each for key, each in requests.items()}
    )
    owners = (OwnerReference("apps/v1", *owner, "uid", controller=True),) if owner else ()
    metadata = ObjectMeta(
        name=name, namespace=namespace, uid=f"uid-{name}", labels=dict(labels), owner_references=owners
    )
    return Pod(metadata=metadata, spec=made.spec, status=made.status)


def namespace(name="shop", **labels):
    return Namespace(
        metadata=ObjectMeta(name=name, labels={key.replace("__", "/"): each for key, each in labels.items()})
    )


TEAM = {"kubewright.dev/team": "shops"}


def series(value, *times, **labels):
    return Series(labels, tuple((float(at), float(value)) for at in times))


class Store:
    """Answers questions by a word that is in them; what nobody wrote down it has no data of."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    async def range(self, query, span):
        text = query.signal.name if isinstance(query, PodQuery) else query.promql
        self.asked.append((text, span))
        found = next((each for word, each in self.answers.items() if word in text), ())
        if isinstance(found, Missing):
            return found
        chosen = [
            Series(each.labels, points)
            for each in found
            if (points := tuple(point for point in each.points if span.start <= point[0] <= span.end))
        ]
        return tuple(chosen) or Missing(Why.NO_DATA, "no series")

    async def instant(self, query):
        raise AssertionError("the past is asked for by ranges")


__all__ = ["TEAM", "Node", "Store", "namespace", "node", "pod", "series"]
