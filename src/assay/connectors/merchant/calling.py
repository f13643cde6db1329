"""How the reference merchant is called, and what its refusals mean; every group of verbs builds on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assay.connectors.merchant.reading import read_money, text_or_none
from assay.errors import InfrastructureError
from assay.http import Answer
from assay.money import Money
from assay.roles import Http, Reply, ShopRefused, Submission, Submitted

_PAGE_SIZE = 100
_WAITING: dict[str, Submitted] = {"requires_action": "requires_action", "processing": "processing"}


class Caller:
    """The shop's address and the operator's token."""

    def __init__(self, http: Http, credentials: Mapping[str, str]) -> None:
        self._http = http
        self._operator = {"Authorization": f"Bearer {credentials['operator_token']}"}

    def headers_for(self, method: str, path: str) -> Mapping[str, str]:
        """Return the headers by which the shop knows its operator; what a customer asks goes without."""
        return self._operator

    def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        reply = self._http.request(method, path, json=body, params=params, headers=headers)
        return answered(reply, method, path)

    def _operate(self, path: str, content: Any, *, key: str | None = None) -> Answer:
        headers = {**self._operator, **({"Idempotency-Key": key} if key else {})}
        return self._call("POST", path, content, headers=headers)

    def _listed(self, path: str, name: str, *span: tuple[str, str]) -> Iterator[Answer]:
        """Yield every row of an operator's list, page after page."""
        page = 1
        while True:
            params = [*span, ("page", str(page)), ("page_size", str(_PAGE_SIZE))]
            rows = self._call("GET", path, params=params, headers=self._operator).items(name)
            yield from rows
            if len(rows) < _PAGE_SIZE:
                return
            page += 1


def accepted(reply: Reply, method: str, path: str) -> None:
    """Raise what a refusal means: `LookupError`, `ShopRefused`, or trouble that may pass."""
    if reply.status == 404:
        raise LookupError(f"the shop does not know {path}")
    if reply.status in (400, 402, 409, 422, 429):
        raise ShopRefused(f"{method} {path}: {seen_in(reply)}")
    if reply.status >= 400:
        raise InfrastructureError(f"the shop refused {method} {path}", expected="2xx", seen=seen_in(reply))


def answered(reply: Reply, method: str, path: str) -> Answer:
    """Return what the shop answered, to be read by its document; raise what a refusal means."""
    accepted(reply, method, path)
    return Answer.of(reply, system="merchant", operation=f"{method} {path}")


def seen_in(reply: Reply) -> str:
    """Return an answer in short."""
    return f"{reply.status} {reply.text[:300]}"


def submission(reply: Reply, method: str, path: str) -> Submission:
    """Return what a customer makes of the answer to a checkout, or to coming back from the bank."""
    if reply.status in (402, 409, 422, 429, 502, 503):
        try:
            text = str(reply.json()["error"]["message"])
        except (ValueError, LookupError, TypeError):
            text = seen_in(reply)  # not the shop's own words: something before it answered
        return Submission(status="declined" if reply.status == 402 else "refused", text=text)
    seen = answered(reply, method, path)
    if reply.status == 202:
        return Submission(
            status=_WAITING.get(seen.text("status")) or seen.refuse("status", " or ".join(_WAITING)),
            order_ref=seen.text("order.id"),
            order_number=seen.text("order.number"),
            redirect_url=text_or_none(seen, "redirect_url"),
        )
    return Submission(
        status="ordered",
        order_ref=seen.text("id"),
        order_number=seen.text("number"),
        total=read_money(seen, "total"),
    )


def written(amount: Money) -> dict[str, str]:
    """Return an amount as the shop takes it."""
    return {"amount": f"{amount.amount:f}", "currency": amount.currency}
