"""Compares what the rules and the model have in their books: balances, the supply of each series,
the trial balance and flows."""
from differences import differ, differ_rows
from driver import seconds

KINDS = ("tokens", "gifts", "escrow", "balance", "paid_out", "burned", "expired")


def check_trial_balance(state):
    """In the rules' own rows: what was minted of a series is somewhere, and what all accounts have
    of it is what there is."""
    sums = {}
    for row in state["balances"]:
        for kind in KINDS:
            key = (row["series"], kind)
            sums[key] = sums.get(key, 0) + row[f"{kind}_ucr"]
    for row in state["supply"]:
        series = row["series"]
        supply = {kind: row[f"{kind}_ucr"] for kind in KINDS}
        differ(f"minted of series {series} and where it is", row["minted_ucr"],
               sum(supply.values()))
        differ_rows(f"supply of series {series} and all balances", supply,
                    {kind: sums.get((series, kind), 0) for kind in KINDS})


def compare_books(state, model):
    model.books.check()
    held = {}
    for row in state["balances"]:
        for kind in KINDS:
            if row[f"{kind}_ucr"]:
                held[(row["account"], row["series"], kind)] = row[f"{kind}_ucr"]
    differ_rows("balances", held, {k: v for k, v in model.books.held.items() if v})
    differ_rows("minted", {row["series"]: row["minted_ucr"] for row in state["supply"]},
                {series: model.books.minted.get(series, 0) for series in model.series})
    check_trial_balance(state)


def flow_rows(rows):
    found = {(seconds(row["month_s"]), row["kind"], row["payer"], row["payee"], row["series"],
              row["site"], row["sku"]): [row["amount_ucr"], row["gpu_minutes"]] for row in rows}
    differ("how many flows have a line of their own", len(rows), len(found))
    return found


def compare_flows(rows, rows_of, model):
    """All of them, and those that each account pays or gets."""
    differ_rows("flows", flow_rows(rows), model.flows)
    for account in model.accounts:
        mine = {key: row for key, row in model.flows.items() if account in key[2:4]}
        differ_rows(f"flows of account {account}", flow_rows(rows_of[str(account)]), mine)
