"""Reads an OpenID provider's discovery document: each endpoint it names is an operation of the standards.

What is sent and answered there is documented by RFC 6749 (token), RFC 7009, RFC 7662, RFC 8628, RFC 7517 (keys) and
OpenID Connect Core 1.0; all of them let a provider add members.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from assay.contracts.json_shape import Definitions, JsonShape
from assay.contracts.model import Answer, Document, Fault, Operation, Parameter

Schema = dict[str, Any]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
_WELL_KNOWN = "/.well-known/openid-configuration"
_TEXT: Schema = {"type": "string"}
_SECONDS: Schema = {"type": "integer"}


def _open(required: Sequence[str], properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "required": [*required], "properties": {**properties}, "additionalProperties": True}


_TOKEN = _open(
    ("access_token", "token_type"),
    dict.fromkeys(("access_token", "token_type", "refresh_token", "id_token", "scope"), _TEXT)
    | {"expires_in": _SECONDS},
)
_KEYS = _open(
    ("keys",), {"keys": {"type": "array", "items": _open(("kty",), dict.fromkeys(("kty", "kid", "use", "alg"), _TEXT))}}
)
_DEVICE = _open(
    ("device_code", "user_code", "expires_in"),
    dict.fromkeys(("device_code", "user_code", "verification_uri", "verification_url"), _TEXT)
    | {"expires_in": _SECONDS, "interval": _SECONDS},
)
_ACTIVE = _open(("active",), {"active": {"type": "boolean"}})
_ERROR = _open(("error",), dict.fromkeys(("error", "error_description", "error_uri"), _TEXT))
_ASKED = ("response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "response_mode", "prompt", "display",
          "max_age", "ui_locales", "id_token_hint", "login_hint", "acr_values", "code_challenge",
          "code_challenge_method", "request", "request_uri", "claims", "access_type",
          "include_granted_scopes")  # fmt: skip
_REQUIRED = ("response_type", "client_id")

# Endpoint of the document: (method, members a form must have, what it answers; None: a page or nothing).
_ENDPOINTS: Mapping[str, tuple[str, tuple[str, ...], Schema | None]] = {
    "authorization_endpoint": ("GET", (), None),
    "token_endpoint": ("POST", ("grant_type",), _TOKEN),
    "jwks_uri": ("GET", (), _KEYS),
    "revocation_endpoint": ("POST", ("token",), None),
    "introspection_endpoint": ("POST", ("token",), _ACTIVE),
    "device_authorization_endpoint": ("POST", (), _DEVICE),
    "end_session_endpoint": ("GET", (), None),
    "registration_endpoint": ("POST", (), {"type": "object", "additionalProperties": True}),
    "pushed_authorization_request_endpoint": ("POST", (), _open(("request_uri",), {"request_uri": _TEXT})),
}
_MUST = ("issuer", "authorization_endpoint", "jwks_uri", "response_types_supported", "subject_types_supported",
         "id_token_signing_alg_values_supported")  # fmt: skip


def read(content: Mapping[str, Any], *, source: str, fetch: object = None) -> Document:
    """Return the document of a provider; `fetch` is not asked, it refers to no other document."""
    faults = [
        Fault("#", f"lacks '{name}', which OpenID Connect Discovery requires") for name in _MUST if name not in content
    ]
    definitions = Definitions(content)
    operations = tuple(_operations(content, definitions, faults))
    return Document(
        source=source, format="oidc-discovery", title=str(content.get("issuer", "")), operations=operations,
        faults=tuple(faults),
    )  # fmt: skip


def _operations(content: Mapping[str, Any], definitions: Definitions, faults: list[Fault]) -> Iterator[Operation]:
    endpoints = dict(_ENDPOINTS)
    claims = content.get("claims_supported")
    named = [str(each) for each in claims] if isinstance(claims, list) else []
    endpoints["userinfo_endpoint"] = (
        "GET",
        (),
        _open(("sub",), {"sub": _TEXT} | {each: {} for each in named if each != "sub"}),
    )
    issuer = str(content.get("issuer", ""))
    if issuer.startswith("https://"):
        own: Schema = {
            "type": "object",
            "required": [each for each in _MUST if each in content],
            "additionalProperties": True,
        }
        yield _operation("configuration", "GET", issuer.rstrip("/") + _WELL_KNOWN, (), own, definitions)
    for name, (method, members, answer) in endpoints.items():
        address = content.get(name)
        if address is None:
            continue
        if not isinstance(address, str) or not urlsplit(address).netloc:
            faults.append(Fault(f"#/{name}", "is no address"))
            continue
        yield _operation(name, method, address, members, answer, definitions)


def _operation(
    name: str, method: str, address: str, members: tuple[str, ...], answer: Schema | None, definitions: Definitions
) -> Operation:
    parts = urlsplit(address)
    asked = _ASKED if name == "authorization_endpoint" else ()
    sent = _open(members, dict.fromkeys(members, _TEXT))
    error = Answer(shapes={JSON: JsonShape(_ERROR, definitions)})
    good = Answer(shapes={JSON: JsonShape(answer, definitions)} if answer is not None else {"text/html": None})
    answers = {"200": good, "4XX": error, "5XX": Answer(shapes={JSON: None, "text/html": None})}
    if answer is None:
        answers = {"302": Answer(), "303": Answer(), **answers}
    return Operation(
        name=f"{method} {name}",
        method=method,
        path=parts.path or "/",
        parameters=tuple(Parameter(name=each, place="query", required=each in _REQUIRED) for each in asked),
        requests={FORM: JsonShape(sent, definitions, media=FORM, request=True)} if method == "POST" else {},
        body_required=method == "POST",
        responses=answers,
        hosts=(parts.netloc,),
    )
