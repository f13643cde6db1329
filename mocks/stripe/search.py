"""Search in Stripe's query language over payment intents, charges and customers (https://docs.stripe.com/search).

A query is clauses joined by AND or by OR, never both: ``status:'succeeded' AND metadata['order_id']:'A-1'``. A clause
is a field, an operator (``:`` equal, ``~`` contains, ``>`` ``<`` ``>=`` ``<=`` for numbers) and a value; ``-`` negates.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from assay.simkit import Table
from mocks.stripe.account import Account, Document, Request
from mocks.stripe.error import Problem, invalid
from mocks.stripe.form import Accepts, integer, require, text
from mocks.stripe.gate import Operation

SEARCH: Accepts = {"query": text, "limit": integer, "page": text}

_MONEY_FIELDS = {"amount": int, "created": int, "currency": str, "customer": str}
_FIELDS: Mapping[str, Mapping[str, type]] = {
    "payment_intents": {**_MONEY_FIELDS, "status": str},
    "charges": {**_MONEY_FIELDS, "status": str, "disputed": bool, "refunded": bool},
    "customers": {"created": int, "email": str, "name": str, "phone": str},
}
_CLAUSE = re.compile(
    r"""\s*(?P<negated>-)?(?P<field>[a-z_]+)(\[(?P<quote>["'])(?P<key>.+?)(?P=quote)\])?\s*(?P<operator>>=|<=|[:~<>])\s*"""
    r"""(?:(?P<mark>["'])(?P<text>(?:\\.|(?!(?P=mark))[^\\])*)(?P=mark)|(?P<bare>[^\s"']+))"""
)
_JOIN = re.compile(r"\s+(?P<word>AND|OR)\s+|\s*\Z", re.IGNORECASE)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    ":": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
Test = Callable[[Document], bool]


def search_of(kind: str, rows: Callable[[Account], Table]) -> Operation:
    """Return the search operation over one kind of object."""

    def run(account: Account, request: Request) -> Document:
        parameters = request.parameters
        require(parameters, "query")
        limit = parameters.get("limit", 10)
        if not 1 <= limit <= 100:
            raise invalid("Invalid limit: it must be between 1 and 100.", "limit", "parameter_invalid_integer")
        matches = _query(parameters["query"], kind)
        indexed = account.now() - int(account.setting("search_delay_s", 0))
        table = rows(account)
        found = [
            row for row in (table[id_] for id_ in reversed(list(table))) if row["created"] <= indexed and matches(row)
        ]
        start = _start(found, parameters.get("page"))
        page = found[start : start + limit]
        more = len(found) > start + limit
        return {
            "object": "search_result",
            "data": page,
            "has_more": more,
            "next_page": page[-1]["id"] if more else None,
            "url": f"/v1/{kind}/search",
        }

    return run


def _start(found: list[Document], page: str | None) -> int:
    if not page:
        return 0
    for place, row in enumerate(found):
        if row["id"] == page:
            return place + 1
    raise invalid("The page is not one this search returned.", "page")


def _query(query: str, kind: str) -> Test:
    """Return the test of a whole query. Raises `Problem` where it cannot be read."""
    tests, words, place = [], set(), 0
    while True:
        clause = _CLAUSE.match(query, place)
        if clause is None:
            raise _unreadable(query, place)
        tests.append(_test(clause, kind))
        join = _JOIN.match(query, clause.end())
        if join is None:
            raise _unreadable(query, clause.end())
        if join["word"] is None:
            break
        words.add(join["word"].upper())
        place = join.end()
    if len(words) > 1:
        raise invalid("A search query can be joined by AND or by OR, not by both.", "query")
    return _joined(tests, any if words == {"OR"} else all)


def _joined(tests: list[Test], combine: Callable[[Iterator[bool]], bool]) -> Test:
    return lambda row: combine(test(row) for test in tests)


def _unreadable(query: str, place: int) -> Problem:
    return invalid(f"The search query cannot be read at position {place}: {query[place : place + 20]!r}", "query")


def _test(clause: re.Match[str], kind: str) -> Test:
    name, key, sign = clause["field"], clause["key"], clause["operator"]
    word = clause["bare"] if clause["text"] is None else re.sub(r"\\(.)", r"\1", clause["text"])
    negated = clause["negated"] is not None
    if name == "metadata" and key is not None:
        test = _text_test(lambda row: row["metadata"].get(key), word, sign)
        return (lambda row: not test(row)) if negated else test
    type_ = _FIELDS[kind].get(name)
    if type_ is None or key is not None:
        known = ", ".join([*_FIELDS[kind], "metadata['key']"])
        raise invalid(f"Field '{name}' cannot be searched. Searchable: {known}.", "query")
    if type_ is int:
        if not re.fullmatch(r"-?[0-9]{1,16}", word) or sign == "~":
            raise invalid(f"Field '{name}' takes a number with : > < >= or <=.", "query")
        number, compare = int(word), _COMPARE[sign]
        test = lambda row: compare(row[name], number)  # noqa: E731 - the three kinds read alike
    elif type_ is bool:
        test = lambda row: row[name] is (word == "true")  # noqa: E731
    else:
        test = _text_test(lambda row: row[name], word, sign)
    return (lambda row: not test(row)) if negated else test


def _text_test(value: Callable[[Document], Any], word: str, sign: str) -> Test:
    if sign not in (":", "~"):
        raise invalid("Text can be searched with : and ~ only.", "query")
    if sign == "~" and len(word) < 3:
        raise invalid("A substring search needs at least three characters.", "query")
    wanted = word.casefold()
    if wanted == "null":
        return lambda row: value(row) is None
    if sign == ":":
        return lambda row: (value(row) or "").casefold() == wanted
    return lambda row: wanted in (value(row) or "").casefold()
