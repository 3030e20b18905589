"""Charges as rows of FOCUS 1.3, the FinOps Open Cost and Usage Specification: its Cost and Usage dataset. Pure.

What a node, claim or service costs is the charge that is split: `ResourceId` and `Tags` are its own, `Allocated...`
tell whose part a row is, `SubAccount...` the team. Rows of one resource and charge period add up to what it costs, idle
included, exactly. A cost is `PricingQuantity` times a unit price: where several share what is too little for them, the
quantity is what they pay for, which is less than what they asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

from kubewright.api.core import TYPE_LABEL
from kubewright.api.meta import rfc3339
from kubewright.costs.allocate import Kind
from kubewright.costs.budget import month_of
from kubewright.costs.facts import PER_UNIT, Resource, asset_key
from kubewright.costs.groups import IDLE, OVERHEAD
from kubewright.costs.ledger import Ledger, Line
from kubewright.costs.money import UNIT, Money, decimal
from kubewright.costs.prices import PriceFile

FocusRow: TypeAlias = Mapping[str, str | None]
METHOD = "OpenCost-0.1"
COLUMNS = (
    "AllocatedMethodDetails",
    "AllocatedMethodId",
    "AllocatedResourceId",
    "AllocatedResourceName",
    "AllocatedTags",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "HostProviderName",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceProviderName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
)
"""`ProviderName` and `PublisherName` are going out of use, and still asked for in 1.3."""
_UNITS = {
    Resource.CPU: "Core-Hours",
    Resource.MEMORY: "GiB-Hours",
    Resource.GPU: "GPU-Hours",
    Resource.STORAGE: "GiB-Hours",
    Resource.BALANCER: "Hours",
    Resource.NETWORK: "GiB",
    Resource.FEE: "Hours",
}
_SERVICES = {
    Resource.CPU: ("Compute", "Containers"),
    Resource.MEMORY: ("Compute", "Containers"),
    Resource.GPU: ("Compute", "Containers"),
    Resource.STORAGE: ("Storage", "Block Storage"),
    Resource.BALANCER: ("Networking", "Application Networking"),
    Resource.NETWORK: ("Networking", "Network Connectivity"),
    Resource.FEE: ("Compute", "Containers"),
}
_NOBODYS = {Kind.IDLE: IDLE, Kind.OVERHEAD: OVERHEAD}
_PREFIX = "kubewright.dev/"


def focus_rows(ledgers: Sequence[Ledger], file: PriceFile) -> Iterator[FocusRow]:
    """Yield a row for each line of each ledger; None is null."""
    for ledger in ledgers:
        origins: dict[tuple[str, str, Resource], Money] = {}
        for line in ledger.lines:
            origins[line.origin] = origins.get(line.origin, 0) + line.cost
        period = _period(ledger)
        for line in ledger.lines:
            yield {**_who_bills(file), **period, **_what(line), **_costs(line), **_whose(line, origins[line.origin])}


def _period(ledger: Ledger) -> FocusRow:
    first, after = month_of(ledger.start)
    return {
        "BillingPeriodStart": rfc3339(first),
        "BillingPeriodEnd": rfc3339(after),
        "ChargePeriodStart": rfc3339(ledger.start),
        "ChargePeriodEnd": rfc3339(ledger.end),
    }


def _who_bills(file: PriceFile) -> FocusRow:
    return {
        "BillingAccountId": file.account,
        "BillingAccountName": file.account,
        "BillingCurrency": file.currency,
        "HostProviderName": file.host or file.provider,
        "InvoiceIssuerName": file.provider,
        "ProviderName": file.provider,
        "PublisherName": file.provider,
        "ServiceProviderName": file.provider,
    }


def _what(line: Line) -> FocusRow:
    asset, resource = line.asset, line.resource
    category, subcategory = _SERVICES[resource]
    sku = "/".join((asset.labels.get(TYPE_LABEL, asset.kind), resource.value))
    return {
        "ChargeCategory": "Usage",
        "ChargeClass": None,
        "ChargeDescription": _description(line),
        "ChargeFrequency": "Usage-Based",
        "PricingCategory": "Dynamic" if asset.tariff.spot else "Standard",
        "ResourceId": asset_key(asset.kind, asset.name),
        "ResourceName": asset.name,
        "ResourceType": asset.kind,
        "ServiceCategory": category,
        "ServiceName": "Kubernetes",
        "ServiceSubcategory": subcategory,
        "SkuId": sku,
        "SkuMeter": resource.value,
        "SkuPriceId": f"{sku}/{'spot' if asset.tariff.spot else asset.tariff.source}",
        "Tags": _json(asset.labels),
    }


def _costs(line: Line) -> FocusRow:
    resource, tariff = line.resource, line.asset.tariff
    listed, net = (rates.get(resource, Fraction(0)) for rates in (tariff.listed, tariff.net))
    quantity = line.listed / listed if listed else Fraction(line.amount, PER_UNIT[resource])
    measured = line.kind is Kind.WORKLOAD and not line.unmeasured
    cost = decimal(line.cost)
    return {
        "BilledCost": cost,
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "ListCost": decimal(line.listed),
        "ContractedUnitPrice": decimal(int(net)),
        "ListUnitPrice": decimal(int(listed)),
        "PricingQuantity": _number(quantity),
        "PricingUnit": _UNITS[resource],
        "ConsumedQuantity": _number(Fraction(line.used, PER_UNIT[resource])) if measured else None,
        "ConsumedUnit": _UNITS[resource] if measured else None,
    }


def _whose(line: Line, origin: Money) -> FocusRow:
    owner = line.owner
    unit = _UNITS[line.resource]
    quantity = Fraction(line.amount, PER_UNIT[line.resource])
    element = {
        "AllocatedRatio": float(Fraction(line.cost, origin)) if origin else 0.0,
        "UsageUnit": unit,
        "UsageQuantity": float(quantity),
    }
    somebody = line.kind is Kind.WORKLOAD
    name = owner.container or owner.pod or owner.controller
    tags = dict(owner.labels) | {
        f"{_PREFIX}{key}": value
        for key, value in (
            ("namespace", owner.namespace),
            ("team", owner.team),
            ("app", owner.app),
            ("controller-kind", owner.kind),
            ("controller", owner.controller),
        )
        if value
    }
    return {
        "AllocatedMethodId": METHOD,
        "AllocatedMethodDetails": json.dumps({"Elements": [element]}, separators=(",", ":")),
        "AllocatedResourceId": _id(line) if somebody else _NOBODYS[line.kind],
        "AllocatedResourceName": name if somebody else _NOBODYS[line.kind],
        "AllocatedTags": _json(tags) if somebody else None,
        "SubAccountId": owner.team or None,
        "SubAccountName": owner.team or None,
        "SubAccountType": "Team" if owner.team else None,
    }


def _id(line: Line) -> str:
    owner = line.owner
    if owner.pod:
        return "/".join(each for each in (owner.namespace, owner.pod, owner.container) if each)
    return f"{owner.namespace}/{owner.kind}/{owner.controller}"


def _description(line: Line) -> str:
    where = f"{line.resource.value} of {line.asset.kind} {line.asset.name}"
    return where if line.kind is Kind.WORKLOAD else f"{line.kind.value}: {where}"


def _number(amount: Fraction) -> str:
    return decimal(round(amount * UNIT))


def _json(labels: Mapping[str, str]) -> str:
    return json.dumps(dict(sorted(labels.items())), separators=(",", ":"), ensure_ascii=False)
