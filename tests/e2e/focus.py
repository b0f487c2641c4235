"""The FinOps FOCUS 1.2 rules that the usage report has to keep, written down from the specification
and without a look at the program: columns, types, allowed values, nulls, how columns hang together.
"""
import csv
import datetime
import io
import re
from decimal import Decimal

# Present in every data set (feature level Mandatory), with the type and whether null is allowed.
MANDATORY = {
    "BilledCost": ("decimal", False),
    "BillingAccountId": ("string", False),
    "BillingAccountName": ("string", True),
    "BillingCurrency": ("currency", False),
    "BillingPeriodEnd": ("time", False),
    "BillingPeriodStart": ("time", False),
    "ChargeCategory": ("category", False),
    "ChargeClass": ("class", True),
    "ChargeDescription": ("string", True),
    "ChargePeriodEnd": ("time", False),
    "ChargePeriodStart": ("time", False),
    "ContractedCost": ("decimal", False),
    "EffectiveCost": ("decimal", False),
    "InvoiceIssuerName": ("string", False),
    "ListCost": ("decimal", False),
    "PricingQuantity": ("decimal", True),
    "PricingUnit": ("unit", True),
    "ProviderName": ("string", False),
    "PublisherName": ("string", False),
    "ServiceCategory": ("service", False),
    "ServiceName": ("string", False),
}
# Present where they apply, or since they tell one charge from another: capacity reservations, metering, unit prices, prices in a currency that
# is not billed in, regions, resources, SKUs.
CONDITIONAL = {
    "CapacityReservationId": ("string", True),
    "CapacityReservationStatus": ("status", True),
    "ChargeFrequency": ("frequency", False),
    "ConsumedQuantity": ("decimal", True),
    "ConsumedUnit": ("unit", True),
    "ContractedUnitPrice": ("price", True),
    "ListUnitPrice": ("price", True),
    "PricingCurrency": ("string", False),
    "PricingCurrencyContractedUnitPrice": ("price", True),
    "PricingCurrencyEffectiveCost": ("decimal", False),
    "PricingCurrencyListUnitPrice": ("price", True),
    "RegionId": ("string", True),
    "RegionName": ("string", True),
    "ResourceId": ("string", True),
    "ResourceType": ("string", True),
    "SkuId": ("string", True),
    "SkuPriceId": ("string", True),
}
COLUMNS = {**MANDATORY, **CONDITIONAL}

CATEGORIES = {"Usage", "Purchase", "Tax", "Credit", "Adjustment"}
SERVICES = {
    "AI and Machine Learning", "Analytics", "Business Applications", "Compute", "Databases",
    "Developer Tools", "Multicloud", "Identity", "Integration", "Internet of Things",
    "Management and Governance", "Media", "Migration", "Mobile", "Networking", "Security",
    "Storage", "Web", "Other",
}
# Some national currencies by ISO 4217.
CURRENCIES = {"USD", "EUR", "JPY", "KWD", "IDR"}
# What a decimal of six places may miss.
NEAR = Decimal("0.000001")
DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
UNIT = re.compile(r"[A-Z][A-Za-z]*(-[A-Z][A-Za-z]*)*")
PLACEHOLDERS = {"null", "none", "n/a", "-", "not applicable", "not specified"}


def time_of(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")


def value_fault(kind, value):
    """What is wrong with a value that is not null, or None."""
    if value.strip() != value or value.lower() in PLACEHOLDERS:
        return "is a placeholder or has blanks around"
    checks = {
        "decimal": lambda: DECIMAL.fullmatch(value),
        "price": lambda: DECIMAL.fullmatch(value) and not value.startswith("-"),
        "time": lambda: TIME.fullmatch(value) and time_of(value),
        "category": lambda: value in CATEGORIES,
        "class": lambda: value == "Correction",
        "frequency": lambda: value in {"One-Time", "Recurring", "Usage-Based"},
        "status": lambda: value in {"Used", "Unused"},
        "service": lambda: value in SERVICES,
        "currency": lambda: value in CURRENCIES,
        "unit": lambda: UNIT.fullmatch(value),
        "string": lambda: True,
    }
    try:
        return None if checks[kind]() else f"is no {kind}: {value}"
    except ValueError:
        return f"is no {kind}: {value}"


def product_fault(row, cost, price, par):
    """A cost is its unit price times the quantity: to what rounding of all three to six decimals may
    make of it, and of the cost in credits, of which each is worth `par`."""
    if row[price] == "" or row["PricingQuantity"] == "":
        return None
    quantity = Decimal(row["PricingQuantity"])
    product = Decimal(row[price]) * quantity
    room = NEAR * (par + Decimal(row[price])) + NEAR / 2 * par * quantity
    room += NEAR + NEAR / 2 * quantity if par != 1 else 0
    if abs(product - Decimal(row[cost])) > room:
        return f"{cost} is {row[cost]}, but {price} x PricingQuantity is {product}"
    return None


def par_fault(row, name, par):
    """What is billed is what is priced in credits at their par value, rounded to six decimals; of a
    cost that is a difference both its ends were."""
    if row[name] == "" or row[f"PricingCurrency{name}"] == "":
        return None
    priced = Decimal(row[f"PricingCurrency{name}"]) * par
    room = 0 if par == 1 else NEAR if name == "EffectiveCost" else NEAR / 2
    if abs(Decimal(row[name]) - priced) > room:
        return f"{name} is {row[name]}, but at par it is {priced}"
    return None


def row_faults(row, par, currency):
    """What contradicts itself in a row whose values are all well formed."""
    faults = []

    def must(holds, what):
        if not holds:
            faults.append(what)

    charge = [time_of(row["ChargePeriodStart"]), time_of(row["ChargePeriodEnd"])]
    billing = [time_of(row["BillingPeriodStart"]), time_of(row["BillingPeriodEnd"])]
    must(charge[0] < charge[1], "the charge period is empty")
    must(billing[0] <= charge[0] < billing[1], "the charge begins outside its billing period")
    must(billing[0].day == billing[1].day == 1, "the billing period is no month")
    must(row["ChargeClass"] == "", "nothing is corrected here")
    if row["ChargeCategory"] in ("Usage", "Purchase"):
        must(row["PricingQuantity"] != "", "PricingQuantity is null")
        must(row["PricingUnit"] != "", "PricingUnit is null")
        if row["ChargeClass"] != "Correction":
            for name in ("ContractedUnitPrice", "ListUnitPrice", "SkuId", "SkuPriceId",
                         "PricingCurrencyContractedUnitPrice", "PricingCurrencyListUnitPrice"):
                must(row[name] != "", f"{name} is null")
    else:
        must(row["ChargeCategory"] != "Tax" or row["PricingUnit"] == "", "a tax has a unit")
    must(row["ChargeCategory"] != "Purchase" or row["ChargeFrequency"] != "Usage-Based",
         "a purchase by usage")
    if row["ChargeCategory"] == "Usage":
        must(row["ConsumedQuantity"] != "", "usage of no quantity")
    else:
        must(row["ConsumedQuantity"] == "", "what is no usage was consumed")
        must(row["CapacityReservationStatus"] == "", "what is no usage is used or unused")
    for cost, price in (("ContractedCost", "ContractedUnitPrice"), ("ListCost", "ListUnitPrice")):
        must(row[price] != "" or row[cost] == row["BilledCost"],
             f"{cost} has no unit price and is not what is billed")
    must((row["PricingQuantity"] == "") == (row["PricingUnit"] == ""),
         "a priced quantity without a unit, or the other way round")
    must((row["CapacityReservationId"] == "") == (row["CapacityReservationStatus"] == ""),
         "a reservation with an id and no status, or the other way round")
    must((row["ConsumedQuantity"] == "") == (row["ConsumedUnit"] == ""),
         "a quantity without a unit, or the other way round")
    if row["CapacityReservationStatus"] == "Unused" and row["ConsumedQuantity"] != "":
        must(Decimal(row["ConsumedQuantity"]) == 0, "what was not used was consumed")
    must((row["ResourceId"] == "") == (row["ResourceType"] == ""), "a resource without a type")
    must((row["RegionId"] == "") == (row["RegionName"] == ""), "a region without a name")
    must(row["PricingCurrency"] == "credits", "prices are in credits")
    must(row["BillingCurrency"] == currency, f"billed is not in {currency}")
    for name in ("ContractedUnitPrice", "ListUnitPrice", "EffectiveCost"):
        fault = par_fault(row, name, par)
        must(fault is None, fault)
    must(row["BilledCost"] == row["EffectiveCost"], "nothing is paid in advance here")
    for cost, price in (("ContractedCost", "ContractedUnitPrice"), ("ListCost", "ListUnitPrice")):
        fault = product_fault(row, cost, price, par)
        must(fault is None, fault)
    return faults


def price_faults(table):
    """A SkuPriceId is the id of one unit price, and belongs to one SKU."""
    seen = {}
    for place, row in enumerate(table, 1):
        price = (row["SkuId"], row["ListUnitPrice"], row["ContractedUnitPrice"])
        if row["SkuPriceId"] == "":
            continue
        if seen.setdefault(row["SkuPriceId"], price) != price:
            yield f"row {place}: SkuPriceId {row['SkuPriceId']} has several prices or SKUs"


def faults(text, par=Decimal(1), currency="USD"):
    """All that is wrong with a data set, of which a credit is worth `par` of the currency; an empty
    list: nothing."""
    table = list(csv.reader(io.StringIO(text, newline="")))
    if not table:
        return ["there is no header"]
    header = table[0]
    found = [f"{name} is missing" for name in COLUMNS if name not in header]
    found += [f"{name} is twice there" for name in set(header) if header.count(name) > 1]
    found += [f"{name} is no column of FOCUS 1.2" for name in header if name not in COLUMNS]
    if found:
        return found
    for place, cells in enumerate(table[1:], 1):
        if len(cells) != len(header):
            found.append(f"row {place} has {len(cells)} cells")
            continue
        row = dict(zip(header, cells))
        before = len(found)
        for name, (kind, may_be_null) in COLUMNS.items():
            fault = value_fault(kind, row[name]) if row[name] != "" else None
            if row[name] == "" and not may_be_null:
                fault = "is null"
            if fault is not None:
                found.append(f"row {place}: {name} {fault}")
        if len(found) == before:
            found += [f"row {place}: {fault}" for fault in row_faults(row, par, currency)]
    return found or list(price_faults(rows(text)))


def billed_faults(text, billed, capped=()):
    """What a data set says of backstops, against what was billed of them: the amounts owed by contract
    and period's start, as its settlements said. What was owed less than its minutes at the strike,
    since a pool was used up, is in `capped`."""
    found = []
    draws = {(row["CapacityReservationId"], row["ChargePeriodStart"]): row for row in rows(text)
             if row["CapacityReservationId"].startswith("backstop/")}
    if set(draws) != {key for key, owed in billed.items() if owed > 0}:
        found.append(f"periods {sorted(draws)}, but billed were {sorted(billed)}")
    for key, row in draws.items():
        owed = billed.get(key, Decimal(-1))
        for cost in ("BilledCost", "EffectiveCost"):
            if Decimal(row[cost]) != owed:
                found.append(f"{key}: {cost} is {row[cost]}, billed was {owed}")
        for cost in ("ListCost", "ContractedCost"):
            if (Decimal(row[cost]) != owed if key not in capped else Decimal(row[cost]) < owed):
                found.append(f"{key}: {cost} is {row[cost]}, billed was {owed}")
    return found


def rows(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))
