"""UPS's error body, and the reading of loosely typed requests.

UPS takes a single object where its documents say array; the readers here do the same, and refuse with the path of what
cannot be read. What could be read and is still not as documented is `mocks.ups.form`'s to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import orjson

from assay.simkit import Answer, Call, Failure, Refused

Json = dict[str, Any]

_DAY = re.compile(r"20[0-9]{6}")

_FAILURE_CODES = {
    "not_found": ("404", "The requested resource was not found."),
    "method_not_allowed": ("405", "Method Not Allowed."),
    "rate_limited": ("10429", "Too Many Requests"),
    "unreadable": ("10002", ""),
}
_SERVER_FAILURE = ("10004", "Something went wrong while processing your request, please try again later")


def errors(*pairs: tuple[str, str], status: int = 400, headers: Mapping[str, str] | None = None) -> Answer:
    """Return UPS's error answer for code and message pairs."""
    body = {"response": {"errors": [{"code": code, "message": message} for code, message in pairs]}}
    return Answer(body, status, headers or {})


def refused(code: str, message: str, status: int = 400) -> Refused:
    """Return what to raise to answer with one UPS error."""
    return Refused(errors((code, message), status=status))


def failure_answer(failure: Failure) -> Answer:
    """Turn a failure outside every handler into UPS's error answer."""
    code, message = _FAILURE_CODES.get(failure.kind, _SERVER_FAILURE)
    return errors((code, message or failure.message), status=failure.status)


def read_object(call: Call) -> Json:
    """Return the request's JSON object; refuses what is none."""
    media_type = call.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if not media_type.endswith("json"):
        raise refused("10007", "Requested Content Type is not supported")
    try:
        document = call.json()
    except orjson.JSONDecodeError:
        raise refused("10001", "The request is not well formed JSON") from None
    if not isinstance(document, dict):
        raise refused("10002", "The request is well formed but not valid: it is no JSON object")
    return document


def read_body(call: Call, wrapper: str) -> Json:
    """Return the object under the request's one top element; refuses what is no JSON object."""
    return mapping(read_object(call), "request", wrapper)


def mapping(owner: Any, path: str, name: str) -> Json:
    """Return a required object under `name`; refuses with its path."""
    value = optional_mapping(owner, path, name)
    if value is None:
        raise refused("10002", f"The request is well formed but not valid: {path} needs {name}")
    return value


def optional_mapping(owner: Any, path: str, name: str) -> Json | None:
    """Return an object under `name`, the first of an array of them, or None."""
    found = items(owner, path, name)
    return found[0] if found else None


def items(owner: Any, path: str, name: str) -> list[Json]:
    """Return the objects under `name`, whether sent as an array or as one."""
    if not isinstance(owner, dict):
        raise refused("10002", f"The request is well formed but not valid: {path} is no object")
    value = owner.get(name)
    if value is None or value == "":
        return []
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(each, dict) for each in found):
        raise refused("10002", f"The request is well formed but not valid: {path}.{name} is no object")
    return found


def text(owner: Mapping[str, Any] | None, name: str) -> str:
    """Return a value as stripped text; numbers as written, anything else and absence as empty."""
    value = (owner or {}).get(name)
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return ""


def day(words: str) -> date | None:
    """Return a day written YYYYMMDD of this century, or None for anything else."""
    if _DAY.fullmatch(words) is None:
        return None
    try:
        return date(int(words[:4]), int(words[4:6]), int(words[6:]))
    except ValueError:
        return None


def texts(owner: Mapping[str, Any] | None, name: str) -> list[str]:
    """Return the texts under `name`, whether sent as an array or as one, without trailing empty ones."""
    value = (owner or {}).get(name)
    found: Sequence[Any] = value if isinstance(value, list) else [value]
    lines = [each.strip() if isinstance(each, str) else "" for each in found]
    while lines and not lines[-1]:
        lines.pop()
    return lines
