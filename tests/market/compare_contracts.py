"""Compares what the rules and the model have of contracts."""
from differences import Difference, differ, differ_rows
from driver import seconds

# Events that the model foretells: of contracts.
SAID = {"contract_accepted", "contract_declined", "contract_ended", "contract_funded",
        "contract_withdrawn", "claim_made", "claim_paid", "backstop_settled", "backstop_elected",
        "share_paid", "phase_reached", "tranche_paid", "tranche_released", "revenue_declared",
        "royalty_due", "royalty_paid", "royalty_recorded", "guarantee_called",
        "guarantee_stepped_in", "guarantee_recovered", "claim_settled"}
# And of dual control.
SAID |= {"minted", "paid_out", "mint_proposed", "payout_proposed", "policy_proposed",
         "admin_proposed", "control_approved", "control_rejected", "policy_changed",
         "account_registered", "account_unfrozen"}


def plain(value, key=""):
    if key.endswith("_s") and not isinstance(value, int):
        return seconds(value)
    if isinstance(value, list) and value and "series" in value[0]:
        return [(row["series"], row["amount_ucr"]) for row in value]
    return value


def chosen(row, fields):
    return {key: plain(row[key], key) for key in fields}


def compare_said(events, said):
    """All of them in their order, as far as the model says what is in them."""
    events = [e for e in events if e["event"] in SAID]
    differ("events that are foretold", [e["event"] for e in events], [name for name, _ in said])
    for event, (name, fields) in zip(events, said):
        differ(f"event {name}", chosen(event, fields), fields)


def contract_row(contract):
    return dict(kind=contract.kind, state=contract.state, version=contract.version,
                pending=contract.pending, proposer=contract.proposer, debtor=contract.debtor,
                creditor=contract.creditor, beneficiary=contract.third, start_s=contract.start_s,
                end_s=contract.end_s, funded_ucr=contract.fund.total(),
                claims_ucr=sum(c.left for c in contract.claims),
                claims_open=len(contract.open_claims()), paying_s=contract.paying_s)


def backstop_row(model, contract):
    row = dict(state=contract.state, version=contract.version or contract.versions)
    if contract.version:
        terms = contract.now()
        ended = contract.state != "in_force"
        row.update(pool_left_ucr=model.pool_left(contract), owed_ucr=contract.owed,
                   paid_ucr=contract.paid, elected_ucr=contract.elected,
                   funded_ucr=contract.fund.of(contract.debtor), strike_ucr=terms.strike_ucr,
                   end_s=terms.end_s, period=contract.period,
                   period_end_s=0 if ended else model.backstop_due_s(contract))
    return row


def revshare_row(model, contract):
    if not contract.version:
        return dict(state=contract.state)
    return dict(state=contract.state, phase=contract.phase, gross_ucr=contract.gross,
                utilisation_now_ppm=contract.utilisation, utilisation_s=contract.looked_s,
                utilisation_from_s=model.measured_from_s(contract), share_ucr=model.share_due(contract),
                paid_ucr=contract.paid, claims_ucr=sum(c.left for c in contract.claims),
                month_gross_ucr=model.month_gross_now(contract))


def bits(places):
    return sum(1 << place for place in places)


def grant_row(model, contract):
    if not contract.version:
        return dict(state=contract.state)
    due = model.tranches_due(contract, model.now_s) if contract.state == "in_force" else []
    late = model.late_month(contract, model.now_s) if contract.state == "in_force" else 0
    return dict(state=contract.state, tranches_paid=bits(contract.tranches_paid),
                tranches_due=bits(due), advanced_ucr=contract.advanced,
                spent_so_far_ucr=contract.spent, funded_ucr=contract.fund.total(),
                royalty_max_ucr=model.royalty_cap(contract),
                royalty_ucr=model.royalty(contract), paid_ucr=contract.paid,
                recorded_ucr=contract.recorded, due_ucr=model.royalty_due(contract),
                late_month_s=late)


def guarantee_row(model, contract):
    if not contract.version:
        return dict(state=contract.state)
    return dict(state=contract.state, called_ucr=contract.called,
                by_operator_ucr=contract.by_operator, by_guarantor_ucr=contract.by_guarantor,
                recovered_ucr=contract.recovered, stepped_in_s=contract.stepped_in_s,
                operator_funds_ucr=contract.fund.of(contract.creditor),
                guarantor_funds_ucr=contract.fund.of(contract.debtor),
                escrow_missing_ucr=model.escrow_missing(contract),
                pledged_ucr=sum(part for _, part in model.drawable(contract)),
                claims_ucr=sum(c.left for c in contract.claims))


ROWS = {"backstop": ("backstops", backstop_row), "revenue_share": ("revshares", revshare_row),
        "grant": ("grants", grant_row), "lease_guarantee": ("guarantees", guarantee_row)}


def compare_rows(what, rows, model, name="contract"):
    found = {row[name]: row for row in rows}
    differ(f"{what} that there are", sorted(found), sorted(model))
    differ_rows(what, {key: chosen(row, model[key]) for key, row in found.items()}, model)


def compare_contracts(state, model):
    compare_rows("contracts", state["contracts"],
                 {c.contract: contract_row(c) for c in model.contracts.values()})
    for kind, (table, row) in ROWS.items():
        compare_rows(table, state[table], {c.contract: row(model, c)
                                           for c in model.contracts.values() if c.kind == kind})
    check_funds(model)


def check_funds(model):
    """Escrow is what leases, orders, rules and funds of contracts hold, by account and series."""
    held = {}

    def add(rows):
        for owner, series, amount in rows:
            held[(owner, series)] = held.get((owner, series), 0) + amount

    for lease in model.leases.values():
        add(lease.escrow.rows)
    for order in model.resting():
        add(order.escrow.rows)
    for rule in model.rules.values():
        add(rule.escrow.rows)
    for contract in model.contracts.values():
        add(contract.fund.rows)
    escrow = {key[:2]: amount for key, amount in model.books.held.items() if key[2] == "escrow"}
    if {k: v for k, v in held.items() if v} != {k: v for k, v in escrow.items() if v}:
        raise Difference(f"escrow that nobody has, in the model: {held}, {escrow}")


def compare_papers(papers, model):
    claims = {c.claim: dict(contract=c.contract, debtor=c.debtor, creditor=c.creditor,
                            amount_ucr=c.amount, left_ucr=c.left, since_s=c.since_s)
              for contract in model.contracts.values() for c in contract.claims}
    found = {row["claim"]: row for row in papers["claims"]}
    differ("claims that there are", sorted(found), sorted(claims))
    differ_rows("claims", {key: chosen(row, claims[key]) for key, row in found.items()}, claims)
    for table, name in (("draws", "period"), ("shares", "share")):
        rows = {(row["contract"], row[name]): row for contract in model.contracts.values()
                for row in getattr(contract, table, [])}
        found = {(row["contract"], row[name]): row for row in papers[table]}
        differ(f"{table} that there are", sorted(found), sorted(rows))
        differ_rows(table, {key: chosen(row, rows[key]) for key, row in found.items()}, rows)
    rows = {(d.account, d.month_s): dict(version=d.version, streams=d.streams)
            for d in model.declared.values()}
    found = {(row["account"], plain(row["month_s"], "month_s")): row
             for row in papers["declarations"]}
    differ("declarations that there are", sorted(found), sorted(rows))
    differ_rows("declarations", {key: chosen(row, rows[key]) for key, row in found.items()}, rows)
