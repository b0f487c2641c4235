"""The message table, read from the headers, and a codec of its own for it.

The server and the client of this repository share one codec; a fault in it would cancel out between
them. This one knows only what docs/protocol.md says of the encoding (a message is one msgpack array
of its fields in the order of the table; one of several kinds is [code, fields]) and takes names,
codes, kinds and limits from the lists in the headers, so that a change there is seen here.
"""
import pathlib
import re

import msgpack

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADERS = ("limits", "vocabulary", "refusal", "operation_parts", "contracts", "control",
           "operations", "frames", "event_parts", "contract_events", "events", "query_parts",
           "answer_rows", "contract_queries", "report_queries", "queries", "genesis", "message")


class MessageError(Exception):
    """Bytes that are not what the table says, or a builder called with a wrong field."""


def read_header(name):
    text = (ROOT / "protocol" / f"{name}.h").read_text()
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    return text.replace("\\\n", " ")


class Field:
    def __init__(self, kind, name, low, high):
        self.kind, self.name, self.low, self.high = kind, name, low, high


class Message:
    def __init__(self, name, fields, code=0):
        self.name, self.fields, self.code = name, fields, code
        self.by_name = {f.name: f for f in fields}


class Record(dict):
    """A decoded message; its fields are attributes too."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def split_arguments(text):
    parts, depth, last = [], 0, ""
    for ch in text:
        if ch == "," and depth == 0:
            parts.append(last.strip())
            last = ""
            continue
        depth += (ch == "(") - (ch == ")")
        last += ch
    parts.append(last.strip())
    return parts


def calls_in(text):
    """NAME(arguments) at the outermost level of a macro's body."""
    at = 0
    while True:
        match = re.compile(r"(\w+)\s*\(").search(text, at)
        if match is None:
            return
        depth, end = 1, match.end()
        while depth > 0:
            depth += (text[end] == "(") - (text[end] == ")")
            end += 1
        yield match.group(1), split_arguments(text[match.end():end - 1])
        at = end


class Table:
    """Everything the headers say, by name."""

    def __init__(self):
        text = "\n".join(read_header(name) for name in HEADERS)
        self.macros = {}
        for match in re.finditer(r"^#define\s+(\w+)\(([^)]*)\)\s+(.*)$", text, re.M):
            self.macros[match.group(1)] = (split_arguments(match.group(2)), match.group(3))
        self.limits = self.constants(text)
        self.words = {}
        for call, arguments in calls_in(self.macros["VOCABULARY_LIST"][1]):
            self.words[arguments[0]] = self.vocabulary(arguments[1])
        self.refusals = {}
        self.refusal_rows = {}
        # The texts hold parentheses and commas, so this list is read by its own pattern.
        for name, number, transient in re.findall(r"X\((\w+),\s*(\d+),\s*(true|false),",
                                                  self.macros["REFUSAL_LIST"][1]):
            self.refusals[int(number)] = name
            self.refusal_rows[name] = (int(number), transient == "true")
        self.parts = {}
        for struct, fields in re.findall(r"^MESSAGE_STRUCT\((\w+),\s*(\w+)\)", text, re.M):
            self.parts[struct] = Message(struct, self.fields(fields))
        self.operations = self.messages("OPERATION_LIST")
        self.frames = self.messages("FRAME_LIST")
        self.events = self.messages("EVENT_LIST")
        self.queries = self.messages("QUERY_LIST")
        self.answers = self.messages("ANSWER_LIST")
        self.public_events = {a[1] for a in self.lines("EVENT_LIST") if a[3] == "true"}

    @staticmethod
    def constants(text):
        """Named numbers: entries of enums and simple defines."""
        found = {}
        for name, value in re.findall(r"\b([A-Z][A-Z0-9_]+)\s*=\s*([^,}\n]+)[,}\n]", text):
            found.setdefault(name, value)
        for name, value in re.findall(r"^#define\s+([A-Z][A-Z0-9_]+)\s+(.+)$", text, re.M):
            found.setdefault(name, value)
        numbers = {"UINT16_MAX": 2**16 - 1, "UINT32_MAX": 2**32 - 1, "UINT64_MAX": 2**64 - 1}
        for _ in range(4):
            for name, value in found.items():
                value = re.sub(r"UINT64_C\((\d+)\)|\b(\d+)u\b", r"\1\2", value)
                value = re.sub(r"[A-Z][A-Z0-9_]+",
                               lambda m: str(numbers.get(m.group(0), m.group(0))), value)
                if re.fullmatch(r"[\d\s*+()<-]+", value):
                    numbers[name] = eval(value)  # digits and operators alone, see the pattern
        return numbers

    def vocabulary(self, list_name):
        return {a[2]: int(a[3]) for _, a in calls_in(self.macros[list_name][1])}

    def number(self, text):
        """A number, a named one, or a sum of such; anything else is left as it stands."""
        parts = [part.strip() for part in text.split("+")]
        numbers = [int(part) if part.isdigit() else self.limits.get(part) for part in parts]
        return text.strip() if None in numbers else sum(numbers)

    def fields(self, macro, given=()):
        """The fields that a list of fields names, lists inside it included."""
        parameters, body = self.macros[macro]
        named = dict(zip(parameters[2:], given))
        fields = []
        for call, arguments in calls_in(body):
            if call == "X":
                kind, _, name, low, high = arguments
                low, high = named.get(low, low), named.get(high, high)
                # An X-list has the word or part where a number otherwise has its minimum.
                if kind not in ("LIST", "ENUM", "FLAGS"):
                    low = self.number(low)
                fields.append(Field(kind, name, low, self.number(high)))
            else:
                fields += self.fields(call, [named.get(a, a) for a in arguments[2:]])
        return fields

    def messages(self, list_name):
        found = {}
        for arguments in self.lines(list_name):
            found[arguments[1]] = Message(arguments[1], self.fields(arguments[2]),
                                          int(arguments[0]))
        return found

    def lines(self, list_name):
        """The lines of a list, those of lists inside it included."""
        for call, arguments in calls_in(self.macros[list_name][1]):
            if call == "Y":
                yield arguments
            else:
                yield from self.lines(call)


TABLE = Table()
NUMBERS = {"U32", "U64", "AMOUNT", "PRICE", "TIME", "ACCOUNT", "SERIES", "NUMBER", "REFUSAL"}
FIXED = {"KEY": 32, "HASH": 32, "ID": 16, "SIGNATURE": 64}


def default_of(field):
    if field.kind in NUMBERS or field.kind == "FLAGS":
        return 0
    if field.kind in FIXED:
        return bytes(FIXED[field.kind])
    return {"BOOL": False, "TEXT": "", "BYTES": b"", "LIST": (), "NUMBERS": (),
            "OPERATIONS": ()}.get(field.kind)


def plain(field, value):
    """A field's value as msgpack takes it. Limits are not checked: tests must be able to break
    them."""
    if field.kind == "ENUM" and isinstance(value, str):
        return TABLE.words[field.low][value]
    if field.kind == "FLAGS" and not isinstance(value, int):
        return sum(TABLE.words[field.low][word] for word in value)
    if field.kind == "LIST":
        part = TABLE.parts[field.low]
        return [item if isinstance(item, list) else fields_of(part, item) for item in value]
    if field.kind == "NUMBERS":
        return list(value)
    if field.kind == "OPERATIONS":
        return [[o.code, o.fields] for o in value]
    if value is None:
        raise MessageError(f"{field.name} must be given")
    return value


def fields_of(message, values):
    unknown = set(values) - set(message.by_name)
    if unknown:
        raise MessageError(f"{message.name} has no field {', '.join(sorted(unknown))}")
    return [plain(f, values.get(f.name, default_of(f))) for f in message.fields]


class Coded:
    """A message of a set, ready for packing."""

    def __init__(self, code, fields, name=""):
        self.code, self.fields, self.name = code, fields, name

    def pack(self):
        return pack([self.code, self.fields])


def pack(value):
    return msgpack.packb(value, use_bin_type=True)


def build(table, name, /, **values):
    message = table[name]
    return Coded(message.code, fields_of(message, values), name)


def operation(name, /, **values):
    """An operation by its name; fields left out are empty or zero."""
    return build(TABLE.operations, name, **values)


def request_body(account, key, request_id, valid_until_s, operations, atomic=False):
    return pack(fields_of(TABLE.parts["request"],
                          {"account": account, "key": key, "id": request_id,
                           "valid_until_s": valid_until_s, "atomic": atomic,
                           "operations": operations}))


def token_reference(operation_index, output):
    """Names an output that an earlier operation of the same request issues."""
    return 1 << 63 | operation_index << 32 | output


# --- Decoding, as strict as the table ---------------------------------------------------------

def check(condition, text):
    if not condition:
        raise MessageError(text)


def value_of(field, value, where):
    name = f"{where}.{field.name}"
    kind = field.kind
    if kind in NUMBERS or kind in ("ENUM", "FLAGS"):
        check(type(value) is int and value >= 0, f"{name} is no number: {value!r}")
        if kind == "ENUM":
            words = {v: k for k, v in TABLE.words[field.low].items()}
            check(value in words, f"{name}: {value} is no {field.low}")
            return words[value]
        if kind == "FLAGS":
            return {k for k, v in TABLE.words[field.low].items() if v & value}
        if kind == "REFUSAL":
            return TABLE.refusals.get(value, value)
        if isinstance(field.low, int) and isinstance(field.high, int) and field.high > 0:
            check(field.low <= value <= field.high, f"{name}: {value} is outside its limits")
        return value
    if kind in FIXED:
        check(type(value) is bytes and len(value) == FIXED[kind], f"{name} has a wrong length")
        return value
    if kind == "BOOL":
        check(type(value) is bool, f"{name} is no boolean")
        return value
    if kind == "TEXT":
        check(type(value) is str, f"{name} is no text")
        check(field.low <= len(value.encode()) <= field.high, f"{name} has a wrong length")
        return value
    if kind == "BYTES":
        check(type(value) is bytes, f"{name} is no bytes")
        check(field.low <= len(value) <= field.high, f"{name} has a wrong length")
        return value
    check(type(value) is list, f"{name} is no list")
    check(len(value) <= field.high, f"{name} is too long")
    if kind == "LIST":
        part = TABLE.parts[field.low]
        return [record_of(part, item, f"{name}[{i}]") for i, item in enumerate(value)]
    return value


def record_of(message, values, where=""):
    where = where or message.name
    check(type(values) is list, f"{where} is no array")
    check(len(values) == len(message.fields),
          f"{where} has {len(values)} fields instead of {len(message.fields)}")
    return Record((f.name, value_of(f, v, where)) for f, v in zip(message.fields, values))


def unpack(data):
    try:
        return msgpack.unpackb(data, raw=False, strict_map_key=False,
                               max_array_len=max(len(data), 1))
    except (ValueError, msgpack.UnpackException, msgpack.ExtraData) as error:
        raise MessageError(f"no msgpack: {error}") from error


def decode_coded(table, data):
    """(name, record) of [code, fields]."""
    value = unpack(data)
    check(type(value) is list and len(value) == 2, "no [code, fields]")
    for message in table.values():
        if message.code == value[0]:
            return message.name, record_of(message, value[1])
    raise MessageError(f"unknown code {value[0]}")


def decode_event(data):
    """(name, record) of a leaf's data: a nonce, then the event."""
    return decode_coded(TABLE.events, data[TABLE.limits["EVENT_NONCE_BYTES"]:])
