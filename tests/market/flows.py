"""The part of the model that is about flows: who got what from whom in which month, and why."""
from revshares import month_of


class Flows:
    def flow(self, kind, payer, payee, paid, site=0, sku=0, gpu_minutes=0):
        """`paid` are (series, amount); GPU-minutes go with the first of them."""
        for series, amount in paid:
            if amount:
                key = (month_of(self.now_s), kind, payer, payee, series, site, sku)
                row = self.flows.setdefault(key, [0, 0])
                row[0] += amount
                row[1] += gpu_minutes
                gpu_minutes = 0

    def flow_of_lease(self, kind, lease, payer, payee, paid, gpu_minutes=0):
        self.flow(kind, payer, payee, paid, lease.site, lease.sku, gpu_minutes)

    def flow_of_settlement(self, lease, paid, gpu_minutes):
        """`paid` are (owner, series, amount). The minutes go with what the holder, who used them,
        paid first; where it paid nothing, with the first."""
        own = [part for part in paid if part[0] == lease.holder] or paid
        for part in paid:
            self.flow_of_lease("elected" if lease.elected else "lease", lease, part[0],
                               lease.operator, [part[1:]], gpu_minutes if part is own[0] else 0)

    def flow_of_claim(self, contract, claim, paid, missing=None):
        """Of the youngest claim that is paid at once it is known which lease it was missing of; of
        those that are paid later not any more."""
        kind = {"revenue_share": "share", "lease_guarantee": "guarantee"}.get(contract.kind,
                                                                              contract.kind)
        if missing and claim is contract.claims[-1]:
            self.flow_of_lease(kind, missing, claim.debtor, claim.creditor, paid)
        else:
            site = contract.now().site if contract.kind == "lease_guarantee" else 0
            self.flow(kind, claim.debtor, claim.creditor, paid, site)
