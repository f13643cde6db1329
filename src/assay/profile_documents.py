"""The profile's word on a system's documents (``documents`` of a system): files and addresses, pinned or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from assay.profile_watch import Table

_NEAR = ("127.0.0.1", "::1", "localhost")


class DocumentPlace(Table):
    """One document of a vendor: a file of the project or an https address; the text alone is enough."""

    at: str = Field(min_length=1, description="a file, relative to assay.toml, or an https address")
    sha256: str | None = Field(
        None,
        pattern="^[0-9a-f]{64}$",
        description="what it must be, in lower-case hexadecimal digits; `assay contracts pull` prints the line",
    )

    @model_validator(mode="before")
    @classmethod
    def _of_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"at": value}
        if not isinstance(value, Mapping):
            raise ValueError("a document is a text, or a table such as { at = 'ship.yaml', sha256 = '…' }")
        return value

    @field_validator("at")
    @classmethod
    def _fetchable(cls, value: str) -> str:
        parts = urlsplit(value)
        if "://" not in value:
            return value
        if parts.username or parts.password:
            raise ValueError("an address of a document holds no user or password")
        if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _NEAR):
            return value
        raise ValueError("a document is a file of your project or an https:// address")

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        table = handler(core)
        return {"anyOf": [{"type": "string", "minLength": 1}, table]}

    @property
    def address(self) -> str | None:
        """The address it is fetched from; None for a file."""
        return self.at if "://" in self.at else None
