"""The requests and answers of the service: one table of fields, one of operations, one of answers.

Requests are validated by these tables and the OpenAPI 3.1 document is generated from them, so the two cannot
differ. A field is a JSON Schema with the keywords that `_fault` knows. To add a field, add a row to `FIELDS` and
its name to the operations that accept it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
import re
from typing import Any

import spoilerguard
from spoilerguard.guard import SENSITIVITIES
from spoilerguard.hiding.styles import STYLES
from spoilerguard.serving.problems import MEDIA_TYPE, PROBLEMS, RequestError
from spoilerguard.text.reading import READERS

__all__ = ["FIELDS", "OPERATIONS", "Operation", "openapi", "validate"]

Schema = dict[str, Any]

FIELDS: dict[str, Schema] = {
    "text": {"type": "string", "description": "The draft or comment."},
    "format": {
        "type": "string",
        "enum": [*READERS, "auto"],
        "default": "auto",
        "description": "What the text is written in; `auto` guesses from the text.",
    },
    "sensitivity": {
        "type": "string",
        "enum": [*SENSITIVITIES],
        "default": "medium",
        "description": "low: few false alarms; high: few misses.",
    },
    "threshold": {
        "type": ["number", "null"],
        "minimum": 0,
        "maximum": 1,
        "default": None,
        "description": "Flag from this probability, whatever the sensitivity.",
    },
    "title": {"type": "string", "default": "", "description": "The title of the work reviewed."},
    "blurb": {"type": "string", "default": "", "description": "What is publicly known about the work: no spoiler."},
    "synopsis": {"type": "string", "default": "", "description": "The plot of the work, with its ending."},
    "quotations": {"type": "boolean", "default": True, "description": "Check block quotations too."},
    "any_language": {"type": "boolean", "default": False, "description": "Check texts in other languages too."},
    "style": {
        "type": ["string", "null"],
        "enum": [*STYLES, None],
        "default": None,
        "description": "How to hide: by default `html`, and `redact` in plain text. Not every format has every style.",
    },
}
_CHECK = tuple(name for name in FIELDS if name != "style")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its path, the fields that it accepts, its answer and the errors it may have."""

    method: str
    path: str
    name: str
    summary: str
    answer: str
    problems: tuple[int, ...]
    fields: tuple[str, ...] = ()


_POSTED = (400, 401, 408, 413, 415, 421, 422, 500, 503, 504)

OPERATIONS: tuple[Operation, ...] = (
    Operation("POST", "/v1/check", "check", "Which sentences give the plot away.", "Checked", _POSTED, _CHECK),
    Operation("POST", "/v1/blur", "blur", "The text with these sentences hidden.", "Blurred", _POSTED, tuple(FIELDS)),
    Operation("GET", "/healthz", "health", "Whether the server is up, and its model.", "Health", (421,)),
    Operation("GET", "/openapi.json", "description", "This document.", "Description", (421,)),
)


# --- requests -------------------------------------------------------------------------------------

MOST_ERRORS = 20
_SURROGATE = re.compile("[\ud800-\udfff]")
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_ARTICLES = {"string": "a string", "number": "a number", "boolean": "true or false", "null": "null"}


def validate(data: dict[str, Any], operation: Operation) -> dict[str, Any]:
    """The fields of a request, with defaults. Raises RequestError (422) that names each invalid field."""
    errors = []
    for name, detail in _faults(data, operation.fields):
        errors.append({"field": name, "detail": detail})
        if len(errors) == MOST_ERRORS:
            break
    if errors:
        raise RequestError(422, "; ".join(f"{e['field']}: {e['detail']}" for e in errors), errors=errors)
    return {name: data.get(name, FIELDS[name].get("default")) for name in operation.fields}


def _faults(data: dict[str, Any], fields: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in fields:
        if name in data:
            if detail := _fault(data[name], FIELDS[name]):
                yield name, detail
        elif "default" not in FIELDS[name]:
            yield name, "is required"
    for name in (name for name in data if name not in fields):
        near = get_close_matches(name[:40], fields, 1)  # the name is not repeated: it may be a text
        yield "?", f"unknown field; did you mean {near[0]!r}?" if near else "unknown field"


def _fault(value: Any, schema: Schema) -> str | None:
    """What is wrong with a value, if anything. The value is not repeated, because it may be a long text."""
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if type(value) not in {kind for name in kinds for kind in _TYPES[name]}:  # in Python, true is a number
        return f"must be {' or '.join(_ARTICLES[name] for name in kinds)}"
    if value is None:
        return None
    if "enum" in schema and value not in schema["enum"]:
        return f"must be one of {', '.join(filter(None, schema['enum']))}"
    if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return f"must be from {schema['minimum']} to {schema['maximum']}"
    if isinstance(value, str) and (half := _SURROGATE.search(value)):
        return f"has half a surrogate pair at {half.start()}; was the text cut inside a character?"
    return None


# --- the document ---------------------------------------------------------------------------------

_COUNT = {"type": "integer", "minimum": 0}
_PLACE = {
    "start": {**_COUNT, "description": "Offset in the text, in code points."},
    "end": {**_COUNT, "description": "End of the range, exclusive."},
    "line": {"type": "integer", "minimum": 1},
    "column": {"type": "integer", "minimum": 1},
}
_SCORE = {"type": "number", "minimum": 0, "maximum": 1}
_STRING = {"type": "string"}


def _object(description: str, **properties: Schema) -> Schema:
    """An object with all of these properties; later versions may add others."""
    return {"type": "object", "description": description, "required": [*properties], "properties": properties}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(name: str) -> Schema:
    return {"type": "array", "items": _ref(name)}


_ANSWER = {"version": {"const": 1}, "model": _ref("Model"), "threshold": _SCORE}
_FOUND = {
    "sentences": _COUNT,
    "hidden": {**_COUNT, "description": "How many spoilers the author has hidden already."},
}
_FLAGS = {"flags": _list("Flag"), "notices": _list("Notice")}
_LANGUAGE = {
    "type": ["string", "null"],
    "description": "The language of the text, a guess, as a code of ISO 639-1; null if the text is too short.",
}
_FORMAT = {"enum": [*READERS]}

ANSWERS: dict[str, Schema] = {
    "Checked": _object(
        "What `spoilerguard check --format json` printed in its version 1 for standard input: one file, no decisions.",
        **_ANSWER,
        files={**_list("File"), "minItems": 1, "maxItems": 1},
    ),
    "Blurred": _object(
        "The text with each flag hidden and everything else unchanged. Flags are ranges of the text that was sent.",
        **_ANSWER,
        format=_FORMAT,
        style={"enum": [*STYLES]},
        text=_STRING,
        **_FOUND,
        **_FLAGS,
    ),
    "Health": _object("The server is up.", status={"const": "ok"}, version=_STRING, model=_ref("Model")),
    "Description": {"type": "object", "description": "An OpenAPI document."},
    "Model": _object("The model that scores.", name=_STRING, version=_STRING),
    "File": _object(
        "What was found in the text.", path={"const": "-"}, format=_FORMAT, language=_LANGUAGE, **_FOUND,
        error={"type": "null"}, **_FLAGS,
    ),
    "Flag": _object("A sentence that may give the plot away.", **_PLACE, text=_STRING, score=_SCORE,
                    reasons=_list("Reason")),
    "Reason": _object("Why it was flagged.", kind=_STRING, text=_STRING),
    "Notice": _object("A broken spoiler mark, one without effect, or why the text was not checked.", **_PLACE,
                      message=_STRING),
    "Problem": {
        **_object("A problem detail (RFC 9457).", type=_STRING, title=_STRING, status={"type": "integer"},
                  detail=_STRING),
        "additionalProperties": False,
    },
}  # fmt: skip
ANSWERS["Problem"]["properties"]["errors"] = {
    "type": "array",
    "items": _object("What is wrong with one field.", field=_STRING, detail=_STRING),
}


def openapi(most_bytes: int, *, token: bool) -> Schema:
    """The OpenAPI 3.1 document of a service.

    Args:
        most_bytes: The largest body, in bytes.
        token: Whether the service requires a token.
    """
    paths: dict[str, Schema] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, token)
    document: Schema = {
        "openapi": "3.1.0",
        "info": {
            "title": "spoilerguard",
            "version": spoilerguard.__version__,
            "description": "Finds the sentences in reviews and comments that give the plot away, and hides them. "
            f"A request has at most {most_bytes:,} bytes. Every error is a problem detail (RFC 9457), "
            f"including 404 and 405.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": ANSWERS},
    }
    if token:
        document["components"] = {**document["components"], "securitySchemes": {"token": _TOKEN}}
    return document


_TOKEN = {"type": "http", "scheme": "bearer"}
_RETRY = {"Retry-After": {"description": "Seconds.", "required": True, "schema": {"type": "integer", "minimum": 0}}}


def _operation(operation: Operation, token: bool) -> Schema:
    answers = {"200": {"description": ANSWERS[operation.answer]["description"], **_json(_ref(operation.answer))}}
    for status in operation.problems:
        if status == 401 and not token:
            continue
        answers[str(status)] = {"description": PROBLEMS[status], **_json(_ref("Problem"), MEDIA_TYPE)}
        if status == 503:
            answers[str(status)]["headers"] = _RETRY
    described: Schema = {"operationId": operation.name, "summary": operation.summary, "responses": answers}
    if operation.fields:
        fields = {name: FIELDS[name] for name in operation.fields}
        body = {
            "type": "object",
            "required": [name for name, field in fields.items() if "default" not in field],
            "properties": fields,
            "additionalProperties": False,
        }
        described["requestBody"] = {"required": True, **_json(body)}
        described |= {"security": [{"token": []}]} if token else {}
    return described


def _json(schema: Schema, media_type: str = "application/json") -> Schema:
    return {"content": {media_type: {"schema": schema}}}
