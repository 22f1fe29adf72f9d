"""What schemathesis must be told of the gateway: how lines are written, and what only looks like a wrong request."""

import json
import uuid

import schemathesis
from schemathesis.generation import GenerationMode


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    elements = value if isinstance(value, list) else [value]
    return "".join(json.dumps(element) + "\n" for element in elements).encode()


@schemathesis.hook
def filter_case(context, case):
    """Two things that a schema cannot say. An integer is written as one: 3.0 is refused. And a field's value is text: a
    key "of another type" is a key."""
    is_negative = case.meta is not None and case.meta.generation.mode == GenerationMode.NEGATIVE
    if is_negative:
        return not any(name.lower() == "idempotency-key" for name in case.headers or {})
    return not has_float_score(case.body)


@schemathesis.hook
def before_call(context, case, kwargs):
    """A key belongs to one body (422 otherwise, which is tested elsewhere): each request has its own."""
    for name in [name for name in case.headers or {} if name.lower() == "idempotency-key"]:
        key, given = uuid.uuid4().hex, case.headers[name]
        if given.startswith('"'):
            case.headers[name] = f'"{key}{given[1:-1]}"' if len(given) <= 255 - len(key) else f'"{key}"'
        else:
            case.headers[name] = (key + given)[: max(len(key), len(given))]


def has_float_score(body):
    elements = body if isinstance(body, list) else [body]
    return any(isinstance(element, dict) and isinstance(element.get("score"), float) for element in elements)
