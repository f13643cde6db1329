"""How the reference merchant is called, and what its refusals mean; every group of verbs builds on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assay.connectors.merchant.decoding import read_money
from assay.errors import InfrastructureError
from assay.money import Money
from assay.roles import Http, Reply, ShopRefused, Submission

_PAGE_SIZE = 100


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
    ) -> Any:
        reply = self._http.request(method, path, json=body, params=params, headers=headers)
        accepted(reply, method, path)
        return reply.json()

    def _operate(self, path: str, content: Any, *, key: str | None = None) -> Any:
        headers = {**self._operator, **({"Idempotency-Key": key} if key else {})}
        return self._call("POST", path, content, headers=headers)

    def _listed(self, path: str, name: str, *span: tuple[str, str]) -> Iterator[dict[str, Any]]:
        """Yield every row of an operator's list, page after page."""
        page = 1
        while True:
            params = [*span, ("page", str(page)), ("page_size", str(_PAGE_SIZE))]
            answer = self._call("GET", path, params=params, headers=self._operator)
            yield from answer[name]
            if len(answer[name]) < _PAGE_SIZE:
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
    accepted(reply, method, path)
    seen = reply.json()
    if reply.status == 202:
        order = seen["order"]
        return Submission(
            status=seen["status"],
            order_ref=order["id"],
            order_number=order["number"],
            redirect_url=seen.get("redirect_url"),
        )
    return Submission(
        status="ordered", order_ref=seen["id"], order_number=seen["number"], total=read_money(seen["total"])
    )


def written(amount: Money) -> dict[str, str]:
    """Return an amount as the shop takes it."""
    return {"amount": f"{amount.amount:f}", "currency": amount.currency}
