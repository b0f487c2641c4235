"""Compares the policy and the proposals of the rules with those of the model."""
from compare_contracts import chosen, compare_rows
from differences import differ_rows


def proposal_row(model, proposal):
    op = proposal.op
    # What an open one needs and has is by the policy and the admins of now.
    waits = model.proposal_state(proposal) == "open"
    needed = model.policy.approvals if waits else proposal.needed
    approved = model.counting(proposal) if waits else proposal.approved
    row = dict(kind=proposal.kind, state=model.proposal_state(proposal),
               proposer=proposal.proposer, proposed_s=proposal.proposed_s,
               until_s=proposal.until_s, series=op.get("series", 0), account=op.get("account", 0),
               name=op.get("name", ""), reference=op.get("reference", ""),
               policy_approvals=op.get("approvals", 0), mint_limit_ucr=op.get("mint_limit_ucr", 0),
               payout_limit_ucr=op.get("payout_limit_ucr", 0), needed=needed,
               approvals=[{"account": number} for number in approved])
    if "outputs" not in op:
        row["amount_ucr"] = op.get("amount_ucr", 0)
    return row


def compare_control(state, model):
    policy = dict(approvals=model.policy.approvals, mint_limit_ucr=model.policy.mint_limit,
                  payout_limit_ucr=model.policy.payout_limit, admins=len(model.active_admins()))
    differ_rows("the policy", chosen(state["policy"], policy), policy)
    compare_rows("open proposals", state["proposals"],
                 {p.proposal: proposal_row(model, p) for p in model.proposals.values()
                  if model.proposal_state(p) == "open"}, "proposal")


def compare_proposals(rows, model):
    compare_rows("proposals", rows, {p.proposal: proposal_row(model, p)
                                     for p in model.proposals.values()}, "proposal")
