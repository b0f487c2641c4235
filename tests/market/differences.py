"""What the rules and the model do not agree on."""


class Difference(Exception):
    """Where the rules and the model go apart."""


def differ(what, rules, model):
    if rules != model:
        raise Difference(f"{what}: rules {rules}, model {model}")


def differ_rows(what, rules, model):
    if rules == model:
        return
    lines = [f"{key}: rules {rules.get(key)}, model {model.get(key)}"
             for key in sorted(set(rules) | set(model), key=str)
             if rules.get(key) != model.get(key)]
    raise Difference(f"{what} differ:\n  " + "\n  ".join(lines[:6]))
