"""What things cost, as an administrator writes it in a file, or as OpenCost takes it to be where nobody says. Pure.

currency: EUR
cpu: 0.031611              # a core, an hour; memory and storage a GiB, network a GiB that is sent
gpus: {NVIDIA-A100-SXM4-80GB: 2.90}
discount: 10%
nodes:                     # the first that matches
  - types: [m6i.2xlarge]
    labels: {karpenter.sh/capacity-type: spot}
    hourly: 0.14           # of the whole node, divided among what it has by the prices above; or cpu, memory, gpu
    spot: true
storage: {gp3: 0.00011}    # by class; "" is any other
loadBalancer: 0.025
cluster: 0.10              # the control plane, an hour
shared: {namespaces: [kube-system], split: proportional}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

import msgspec

from kubewright.api.core import TYPE_LABEL
from kubewright.costs.facts import OF_NODES, PER_UNIT, Resource, Tariff
from kubewright.costs.money import UNIT
from kubewright.devices.requests import PRODUCT
from kubewright.errors import ErrorKind, OpError

Number: TypeAlias = int | float | str
ANY_CLASS = ""
DEFAULT_RATES: Mapping[Resource, float] = {Resource.CPU: 0.031611, Resource.MEMORY: 0.004237, Resource.GPU: 0.95}
"""What OpenCost takes where it knows of no price, in dollars."""
_DEFAULT_STORAGE = 0.00005479452
_HOUR_SECONDS = 3600


def at_default_rates(amounts: Mapping[Resource, float]) -> float:
    """Return what so many cores, GiB and GPUs cost an hour where nobody says a price, in dollars."""
    return sum(DEFAULT_RATES[each] * amount for each, amount in amounts.items())


class NodePrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What some nodes cost: those of these types that have all of these labels."""

    types: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    hourly: Number | None = None
    cpu: Number | None = None
    memory: Number | None = None
    gpu: Number | None = None
    discount: str = ""
    spot: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether it is about a node with these labels."""
        if self.types and labels.get(TYPE_LABEL) not in self.types:
            return False
        return all(labels.get(key) == value for key, value in self.labels.items())


class Shared(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What nobody pays alone: some namespaces, the cluster's own fee, and how others pay for them."""

    namespaces: tuple[str, ...] = ()
    overhead: bool = False
    split: Literal["proportional", "even", "weights"] = "proportional"
    weights: dict[str, Number] = {}
    """By whatever is grouped by: teams, say. Who is not named pays nothing."""


class PriceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Everything that may be in it."""

    currency: str = "USD"
    account: str = "cluster"
    """What bills call the cluster."""
    provider: str = "kubewright"
    """Who bills: the platform's team, say."""
    host: str = ""
    """On whose machines it runs; the same if not said."""
    cpu: Number = DEFAULT_RATES[Resource.CPU]
    memory: Number = DEFAULT_RATES[Resource.MEMORY]
    gpu: Number = DEFAULT_RATES[Resource.GPU]
    gpus: dict[str, Number] = {}
    nodes: tuple[NodePrice, ...] = ()
    storage: dict[str, Number] = msgspec.field(default_factory=lambda: {ANY_CLASS: _DEFAULT_STORAGE})
    load_balancer: Number = 0
    network: Number = 0
    cluster: Number = 0
    discount: str = ""
    shared: Shared = Shared()


@dataclass(frozen=True, slots=True)
class Said:
    """What an hour of one node costs in all, by somebody other than the file."""

    hourly: Fraction
    source: str
    """`label` or `pool`."""


class PriceBook:
    """Prices, ready to be asked. Raises OpError for a file that makes no sense."""

    def __init__(self, file: PriceFile | None = None, origin: str = "prices") -> None:
        self.file = file or PriceFile()
        self._origin = origin
        given = self.file
        self._rates = {
            Resource.CPU: self._rate(given.cpu, "cpu"),
            Resource.MEMORY: self._rate(given.memory, "memory"),
            Resource.GPU: self._rate(given.gpu, "gpu"),
        }
        self._gpus = {model: self._rate(each, f"gpus.{model}") for model, each in given.gpus.items()}
        self._storage = {name: self._rate(each, f"storage.{name}") for name, each in given.storage.items()}
        self._discount = self._share(given.discount, "discount")
        self._nodes = [(each, *self._of_nodes(each, f"nodes[{at}]")) for at, each in enumerate(given.nodes)]
        self._flat = {
            Resource.BALANCER: self._rate(given.load_balancer, "loadBalancer"),
            Resource.NETWORK: self._rate(given.network, "network"),
            Resource.FEE: self._rate(given.cluster, "cluster"),
        }
        self.weights = {
            name: self._number(each, f"shared.weights.{name}") for name, each in given.shared.weights.items()
        }
        if given.shared.split == "weights" and not any(self.weights.values()):
            raise self._invalid("shared.weights: split by weights needs one above 0")
        if not given.currency.isalpha() or not given.currency.isupper():
            raise self._invalid(f"currency: {given.currency!r} is not a code such as USD")

    def node(self, labels: Mapping[str, str], capacity: Mapping[Resource, int], said: Said | None = None) -> Tariff:
        """Return the tariff of a node with these labels and so much of each resource (thousandths, bytes)."""
        rates = dict(self._rates)
        if (own := self._gpus.get(labels.get(PRODUCT, ""))) is not None:
            rates[Resource.GPU] = own
        source, discount, spot, hourly = "default", self._discount, False, None
        if said is not None:
            source, hourly = said.source, said.hourly * UNIT
        for price, given, total, less in self._nodes:
            if price.matches(labels):
                rates |= given
                spot, discount = price.spot, discount if less is None else less
                if given or total is not None:
                    source, hourly = "file", total
                break
        if hourly is not None:
            rates = _of_whole(hourly, rates, capacity)
        return _tariff(rates, discount, source, spot=spot)

    def storage(self, storage_class: str) -> Tariff:
        """Return what a claim of a class costs."""
        rate = self._storage.get(storage_class, self._storage.get(ANY_CLASS, Fraction(0)))
        return _tariff(
            {Resource.STORAGE: rate}, self._discount, "file" if storage_class in self._storage else "default"
        )

    def flat(self, resource: Resource) -> Tariff | None:
        """Return what a load balancer, a GiB that is sent, or the cluster costs; None for nothing."""
        rate = self._flat[resource]
        return _tariff({resource: rate}, self._discount, "file") if rate else None

    def _of_nodes(self, price: NodePrice, at: str) -> tuple[dict[Resource, Fraction], Fraction | None, Fraction | None]:
        named = {Resource.CPU: price.cpu, Resource.MEMORY: price.memory, Resource.GPU: price.gpu}
        rates = {each: self._rate(text, f"{at}.{each.value}") for each, text in named.items() if text is not None}
        if rates and price.hourly is not None:
            raise self._invalid(f"{at}: say hourly, of the whole node, or cpu, memory and gpu")
        hourly = None if price.hourly is None else self._rate(price.hourly, f"{at}.hourly")
        return rates, hourly, self._share(price.discount, f"{at}.discount") if price.discount else None

    def _rate(self, number: Number, at: str) -> Fraction:
        return self._number(number, at) * UNIT

    def _number(self, number: Number, at: str) -> Fraction:
        try:
            found = Fraction(str(number))
        except (ValueError, ZeroDivisionError) as error:
            raise self._invalid(f"{at}: {number!r} is no number") from error
        if found < 0:
            raise self._invalid(f"{at}: is not negative")
        return found

    def _share(self, text: str, at: str) -> Fraction:
        found = self._number(text.removesuffix("%") or "0", at) / 100
        if (text and not text.endswith("%")) or found > 1:
            raise self._invalid(f"{at}: {text!r} is no share from 0% to 100%")
        return found

    def _invalid(self, detail: str) -> OpError:
        return OpError("cost.prices", ErrorKind.INVALID, self._origin, detail)


def read_prices(document: object, origin: str) -> PriceBook:
    """Read what an administrator wrote; raises OpError, with the place, for what is not so."""
    try:
        file = msgspec.convert(document if document is not None else {}, PriceFile)
    except msgspec.ValidationError as error:
        raise OpError("cost.prices", ErrorKind.INVALID, origin, str(error)) from error
    return PriceBook(file, origin)


def _of_whole(
    hourly: Fraction, rates: Mapping[Resource, Fraction], capacity: Mapping[Resource, int]
) -> dict[Resource, Fraction]:
    """Divide a node's price among its resources in proportion to what they would cost by themselves."""
    units = {each: Fraction(capacity.get(each, 0) * _HOUR_SECONDS, PER_UNIT[each]) for each in OF_NODES}
    usual = sum(rates[each] * units[each] for each in OF_NODES)
    return {each: rates[each] * hourly / usual for each in OF_NODES} if usual else dict(rates)


def _tariff(rates: Mapping[Resource, Fraction], discount: Fraction, source: str, *, spot: bool = False) -> Tariff:
    return Tariff({each: rate * (1 - discount) for each, rate in rates.items()}, rates, source, spot)
