"""FOCUS 1.3: the columns that must be there, and what must be in them."""

import json
import re
from datetime import datetime
from fractions import Fraction

import pytest

from kubewright.costs.allocate import allocate
from kubewright.costs.focus import COLUMNS, focus_rows
from kubewright.costs.ledger import Ledger
from kubewright.costs.prices import PriceFile
from tests.unit.costs.build import asset, demand, owner, tariff

MANDATORY = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "HostProviderName",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
    "ServiceProviderName",
]
MAY_BE_NULL = {
    *("AllocatedMethodDetails", "AllocatedTags", "ChargeClass", "ConsumedQuantity", "ConsumedUnit"),
    *("SubAccountId", "SubAccountName", "SubAccountType"),
}
NUMBERS = [name for name in COLUMNS if name.endswith(("Cost", "Price", "Quantity"))]
TIMES = [name for name in COLUMNS if "Period" in name]
NOVEMBER_10 = 1_794_268_800


@pytest.fixture
def ledger():
    rates = tariff(discount="0.2", cpu="0.03", gpu="0.9")
    labels = {"node.kubernetes.io/instance-type": "m6i", "zone": "a"}
    assets = [asset("a", rates, labels=labels, cpu=48, gpu=24), asset("x", tariff(fee=1), kind="Cluster", fee=24)]
    assets.append(asset("shop/data", tariff(storage="0.1"), kind="PersistentVolumeClaim", storage=10))
    whose = owner(labels=(("tier", "gölden"),))
    wanted = [
        demand(whose, "a", "cpu", 12, used=5),
        demand(owner("ads", "market", "ads"), "a", "cpu", 12, used=100),
        demand(whose, "a", "gpu", 24),
        demand(owner("data")._replace(pod="", container=""), "shop/data", "storage", 10, 10, "PersistentVolumeClaim"),
    ]
    found = Ledger(NOVEMBER_10, NOVEMBER_10 + 86_400)
    found.take(assets, allocate(assets, wanted)[0])
    return found


@pytest.fixture
def rows(ledger):
    return list(focus_rows([ledger], PriceFile(currency="EUR", account="prod", provider="The platform")))


def test_every_row_has_every_column_and_the_mandatory_ones_are_among_them(rows):
    assert set(MANDATORY) <= set(COLUMNS)
    assert list(COLUMNS) == sorted(COLUMNS)
    assert {frozenset(row) for row in rows} == {frozenset(COLUMNS)}


def test_only_what_may_be_null_is_and_nothing_is_an_empty_text(rows):
    null = {name for row in rows for name, value in row.items() if value is None}
    assert null <= MAY_BE_NULL
    assert not [name for row in rows for name, value in row.items() if value == ""]


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_plain_decimals(rows, name):
    for row in rows:
        assert row[name] is None or re.fullmatch(r"-?\d+(\.\d+)?", row[name]), row[name]


@pytest.mark.parametrize("name", TIMES)
def test_times_are_utc(rows, name):
    for row in rows:
        datetime.strptime(row[name], "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007  the Z says it


def test_a_charge_lies_within_its_billing_period(rows):
    row = rows[0]
    assert (row["BillingPeriodStart"], row["BillingPeriodEnd"]) == ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")
    assert (row["ChargePeriodStart"], row["ChargePeriodEnd"]) == ("2026-11-10T00:00:00Z", "2026-11-11T00:00:00Z")


def test_values_are_among_those_allowed(rows):
    allowed = {
        "ChargeCategory": {"Usage"},
        "ChargeFrequency": {"Usage-Based"},
        "PricingCategory": {"Standard", "Dynamic"},
        "ServiceCategory": {"Compute", "Storage", "Networking"},
        "ServiceSubcategory": {
            *("Containers", "Block Storage", "Application Networking", "Network Connectivity"),
        },
        "BillingCurrency": {"EUR"},
        "InvoiceIssuerName": {"The platform"},
    }
    for name, values in allowed.items():
        assert {row[name] for row in rows} <= values


def test_tags_are_flat_objects(rows):
    for row in rows:
        for name in ("Tags", "AllocatedTags"):
            if row[name] is not None:
                assert all(isinstance(value, str) for value in json.loads(row[name]).values())
    shop = next(row for row in rows if row["AllocatedResourceId"] == "shop/web-1/main")
    assert json.loads(shop["AllocatedTags"])["tier"] == "gölden"
    assert json.loads(shop["AllocatedTags"])["kubewright.dev/team"] == "shops"
    assert json.loads(shop["Tags"])["zone"] == "a"
    assert (shop["SubAccountId"], shop["SubAccountType"]) == ("shops", "Team")


def test_a_cost_is_quantity_times_price(rows):
    for row in rows:
        quantity = Fraction(row["PricingQuantity"])
        assert abs(quantity * Fraction(row["ListUnitPrice"]) - Fraction(row["ListCost"])) < Fraction(1, 10**15)
        assert abs(quantity * Fraction(row["ContractedUnitPrice"]) - Fraction(row["ContractedCost"])) < Fraction(
            1, 10**15
        )
        assert row["BilledCost"] == row["EffectiveCost"] == row["ContractedCost"]
        assert Fraction(row["ListCost"]) >= Fraction(row["ContractedCost"])


def test_what_is_null_together_is(rows):
    for row in rows:
        assert (row["ConsumedQuantity"] is None) == (row["ConsumedUnit"] is None)
        assert (row["SubAccountId"] is None) == (row["SubAccountName"] is None)
        assert (row["AllocatedMethodId"] is None) == (row["AllocatedResourceId"] is None)
    unmeasured = next(row for row in rows if row["SkuMeter"] == "gpu" and row["SubAccountId"])
    assert unmeasured["ConsumedQuantity"] is None


def test_rows_of_an_origin_charge_add_up_to_it_and_the_ratios_to_one(rows, ledger):
    assert sum(Fraction(row["BilledCost"]) for row in rows) == Fraction(ledger.cost, 10**18)
    ratios = {}
    for row in rows:
        (element,) = json.loads(row["AllocatedMethodDetails"])["Elements"]
        assert {"AllocatedRatio", "UsageUnit", "UsageQuantity"} == set(element)
        origin = (row["ResourceId"], row["SkuMeter"])
        ratios[origin] = ratios.get(origin, 0) + element["AllocatedRatio"]
    assert all(total == pytest.approx(1) for total in ratios.values())
