"""Runs to report: healthy, with findings, with failed steps, with trouble, empty, long, hostile. Nothing is random."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from assay.contracts.model import Deviation, Problem
from assay.contracts.results import ANSWER, Contracts, Counted, Failed, HeldStub, Observed, Tested
from assay.events import Exchange, Finding, Outcome, Result, RunFinished, RunStarted, StepDone
from assay.money import Money
from assay.records import Document, Dossier, Line, MinorAmount, Order, Payment, Shipment, ShipmentEvent

START = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
NEEDS = {"O-M1": ("payments",), "O-O1": ("payments", "erp"), "O-E2": ("erp",), "O-K4": ("carrier",), "O-S1": ("wms",)}
HOSTILE = (
    "<script>alert('x')</script>",
    "]]> & \"quotes\" 'too' </failure>",
    "\u202eevil\u202c \u05e9\u05dc\u05d5\u05dd 🎁 Ünïcode",
    "nul \x00 bell \x07 escape \x1b lone \ud800 end \ufffe",
    "| pipe | `code` [link](http://evil.example/x) ![i](http://evil.example/i.png) @everyone",
    "line one\r\nline two\u2028three",
)


def started(**more: object) -> RunStarted:
    """Return the start of a run."""
    start = RunStarted(
        run_id="run-7f3a", runner="pytest", environment="local", view="forward_proxy", started_at=START, seed=42,
        commit="1f0c9ab", version="0.1.0", planned=3,
    )  # fmt: skip
    return replace(start, **more)  # type: ignore[arg-type]


def finished(exit_code: int = 0, *trouble: str) -> RunFinished:
    """Return the end of a run, 83 seconds after its start."""
    return RunFinished(
        run_id="run-7f3a", finished_at=START + timedelta(seconds=83), exit_code=exit_code, trouble=trouble
    )


def passed(oracle: str, order: str) -> Finding:
    """Return a verdict that holds."""
    return Finding(oracle=oracle, result=Result.PASS, order_ref=order, formula="formula of the specification")


def not_evaluated(oracle: str, order: str, reason: str) -> Finding:
    """Return a verdict that was not possible."""
    return Finding(oracle=oracle, result=Result.NOT_EVALUATED, order_ref=order, reason=reason)


def exponent_finding(order: str) -> Finding:
    """Return what O-M1 says of a yen order charged a hundredfold."""
    return Finding(
        oracle="O-M1",
        result=Result.FAIL,
        order_ref=order,
        systems=("shop", "stripe"),
        expected="80 minor units for 80 JPY",
        seen="8000 minor units",
        formula="captured_minor(P,c) == total(o) * 10^exp(P,c)",
        cause="exponent: JPY was sent with 2 decimals, stripe counts 0",
        at_risk=Money(7920, "JPY"),
        evidence=("09:30:02.118 → stripe POST /v1/payment_intents amount=8000 currency=jpy 200 in 41 ms",),
    )


def doubled_finding(order: str) -> Finding:
    """Return what O-O1 says of an order posted to the ERP twice."""
    return Finding(
        oracle="O-O1",
        result=Result.FAIL,
        order_ref=order,
        systems=("shop", "sap_s4hana"),
        expected="1 sales order",
        seen="2 (1000017, 1000018)",
        formula="count(docs with ext_ref(o)) == 1 in each system k",
        cause="posted again while the first was not yet finished",
        at_risk=Money(12900, "EUR"),
        evidence=(
            "09:30:05.031 → sap_s4hana POST /sap/opu/odata/sap/API_SALES_ORDER_SRV/A_SalesOrder 201 in 912 ms",
            "09:30:35.040 → sap_s4hana POST /sap/opu/odata/sap/API_SALES_ORDER_SRV/A_SalesOrder 201 in 88 ms",
        ),
    )


def dossier(number: str, total: Money, *, captured: int, booked: int = 1, name: str = "Enamel mug") -> Dossier:
    """Return what four systems say of an order."""
    lines = (Line(sku="0017", quantity=Decimal(1), name=name), Line(sku="MUG-BLUE", quantity=Decimal(2)))
    currency = total.currency
    return Dossier(
        order=Order(
            system="merchant", ref=f"ord_{number}", number=number, status="completed", total=total, placed_at=START,
            lines=lines, payment_status="paid", tax=Money(0, currency), tracking_numbers=(f"1Z999AA1{number}",),
        ),
        payments=(
            Payment(
                system="stripe", ref=f"pi_{number}", order_ref=number, status="succeeded",
                amount=MinorAmount(captured, currency.lower()), captured=MinorAmount(captured, currency.lower()),
                refunded=MinorAmount(0, currency.lower()), created_at=START + timedelta(seconds=2),
            ),
        ),
        documents=tuple(
            Document(
                system="sap_s4hana", ref=str(1000017 + place), kind="sales_order", order_ref=number, status="completed",
                lines=lines[: 2 - place], total=total.amount, currency=currency, document_date=date(2026, 11, 20),
                created_at=START + timedelta(seconds=5 + 30 * place),
            )
            for place in range(booked)
        ),
        shipments=(
            Shipment(
                system="ups", ref=f"1Z999AA1{number}", order_ref=None, tracking_number=f"1Z999AA1{number}",
                status="delivered", status_code="011", weight_g=850, delivered_at=START + timedelta(days=2),
                events=(ShipmentEvent(code="011", text="Delivered", at=START + timedelta(days=2)),),
            ),
        ),
    )  # fmt: skip


def exchange(system: str, method: str, path: str, status: int | None, **more: object) -> Exchange:
    """Return one masked exchange."""
    body = json.dumps({"id": f"{system}-1", "status": "open", "client_secret": "***", "lines": [{"sku": "0017"}]})
    talk = Exchange(
        system=system, method=method, url=f"https://{system}.example{path}",
        request_headers={"Authorization": "Bearer ***", "Content-Type": "application/json"},
        request_body='{"reference":"A-1","api_key":"***"}' if method == "POST" else "",
        status=status, response_headers={"Content-Type": "application/json", "X-Request-Id": "req_81"},
        response_body=body if status else "", started_at=START, seconds=0.041,
        error=None if status else "ConnectError: nobody listens",
    )  # fmt: skip
    return replace(talk, **more)  # type: ignore[arg-type]


def steps(*, error: str | None = None) -> tuple[StepDone, ...]:
    """Return the five steps of an order, the last one failed where there is an error."""
    names = ("place the order", "pay", "the ERP holds it", "the parcel is labelled", "the parcel is delivered")
    lasts = (0.412, 0.95, 1.8, 0.35, 0.62)
    done, at = [], START
    for name, seconds in zip(names, lasts, strict=True):
        failed = error if name == names[-1] else None
        done.append(StepDone(name=name, started_at=at, seconds=seconds, error=failed))
        at += timedelta(seconds=seconds + 0.02)
    return tuple(done)


def healthy(case: str, number: str, *, flow: str = "F01", retries: int = 0) -> Outcome:
    """Return a case in which every asked oracle passed but two that could not be asked."""
    polls = tuple(exchange("sap_s4hana", "GET", "/A_SalesOrder?$filter=x", 200) for _ in range(3))
    return Outcome(
        flow=flow, case=case, environment="local", title="Order to ERP to carrier", tags=("money", "order"),
        run_id="run-7f3a", id=f"out-{number}", runner="pytest", seed=42, started_at=START, seconds=4.13,
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736", retries=retries, undo="done", order_refs=(number,), steps=steps(),
        findings=(
            passed("O-M1", number), passed("O-O1", number), passed("O-E2", number), passed("O-K4", number),
            not_evaluated("O-S1", number, "wms: environment 'local' has no system of role 'wms'"),
            not_evaluated("O-M4", number, "policies.rates.source is not declared"),
        ),
        exchanges=(
            exchange("merchant", "POST", "/orders", 201), exchange("stripe", "GET", "/v1/payment_intents/pi_1", 200),
            *polls, exchange("ups", "GET", "/track/v1/details/1Z999AA1", 200),
        ),
        dossiers=(dossier(number, Money(12900, "EUR"), captured=12900),),
    )  # fmt: skip


def with_exponent(number: str = "100231") -> Outcome:
    """Return a yen case charged a hundredfold (MON-01)."""
    sound = healthy("jpy", number)
    findings = (exponent_finding(number), *sound.findings[1:])
    return replace(sound, findings=findings, dossiers=(dossier(number, Money(80, "JPY"), captured=8000),))


def with_double(number: str = "100232") -> Outcome:
    """Return a case whose order the ERP holds twice (ORD-30)."""
    sound = healthy("eur slow ERP", number)
    findings = (passed("O-M1", number), doubled_finding(number), *sound.findings[2:])
    return replace(sound, findings=findings, dossiers=(dossier(number, Money(12900, "EUR"), captured=12900, booked=2),))


def with_failed_step(number: str = "100233") -> Outcome:
    """Return a case whose last step failed, with an exchange that got no answer."""
    sound = healthy("guest", number)
    error = "TimeoutError: nothing seen within 3600 s (policies.freshness.carrier), scenarios/order_to_carrier.py:61"
    talks = (*sound.exchanges, exchange("ups", "GET", "/track/v1/details/1Z999AA1", None))
    return replace(sound, steps=steps(error=error), exchanges=talks, undo="leaked")


def healthy_run(cases: int = 3) -> list[object]:
    """Return a green run."""
    return [started(), *(healthy(f"case {place}", str(100_000 + place)) for place in range(cases)), finished()]


def red_run() -> list[object]:
    """Return a run with two kinds of finding, one of them twice, a failed step and a flaky case."""
    again = replace(with_exponent("100299"), case="jpy registered")
    outcomes = [healthy("eur", "100230"), with_exponent(), again, with_double(), with_failed_step()]
    browse = replace(healthy("guest", "100240", flow="F00", retries=2), title="Browse the catalogue")
    return [started(), *outcomes, browse, finished(1)]


def long_run(cases: int = 500) -> list[object]:
    """Return a run of many cases over five flows, one in ten with a finding."""
    outcomes: list[Outcome] = []
    for place in range(cases):
        number = str(200_000 + place)
        sound = healthy(f"case {place}", number, flow=f"F{place % 5:02}")
        if place % 10 == 3:
            sound = replace(with_exponent(number), flow=sound.flow, case=sound.case)
        elif place % 10 == 7 and place % 3 == 0:
            sound = replace(sound, retries=1)
        bulk = tuple(
            exchange("merchant", "GET", f"/orders/{number}/{turn}", 200, response_body=f"{number} " * 400)
            for turn in range(6)
        )
        outcomes.append(replace(sound, exchanges=(*sound.exchanges, *bulk)))
    return [started(planned=cases), *outcomes, finished(1)]


def hostile_outcomes(size: int = 10_000) -> list[Outcome]:
    """Return cases in which every foreign text is an attack on the report that shows it."""
    outcomes = []
    for place, text in enumerate((*HOSTILE, "W" * size, "\u202e" + "אב " * (size // 3))):
        number = f"{text}{place}"
        finding = replace(
            exponent_finding(number), systems=("stripe", text), expected=text, seen=text, cause=text, evidence=(text,)
        )
        sound = healthy(text, number, flow=text)
        bad = StepDone(name=text, started_at=START, seconds=0.1, error=text)
        talk = exchange("stripe", "POST", f"/{text}", 500, request_body=text, response_body=text, error=text)
        book = dossier(number, Money(80, "JPY"), captured=8000, name=text)
        if book.order is not None:
            book = replace(book, order=replace(book.order, status=text), unread=(("erp", text),))
        outcomes.append(
            replace(
                sound,
                title=text,
                findings=(finding, not_evaluated("O-M9", number, text)),
                steps=(bad,),
                exchanges=(talk,),
                dossiers=(book,),
            )
        )
    return outcomes


def hostile_run() -> list[object]:
    """Return a run of such cases, with such a head and end."""
    return [started(commit=HOSTILE[0], environment=HOSTILE[2]), *hostile_outcomes(), finished(1, *HOSTILE)]


def contracts(*, broken: bool = True, text: str = "", name: str = "POST /v1/charges") -> Contracts:
    """Return what a gate held against documents; text: what is quoted of messages, name: of the document."""
    bad = Deviation(Problem.TYPE, "data[].amount", "integer", text or '"80.00"')
    new = Deviation(Problem.FIELD, "data[].shiny", "", text or "true")
    failed = Failed(
        check="status_code_conformance",
        status=418,
        message=text or "418 is not documented: 200, 400, 404",
        repeat=text or "curl -X POST -H 'Authorization: ***' http://127.0.0.1:4242/v1/charges",
    )
    excused = replace(failed, check="response_schema_conformance", known="payments: sandbox only, until 2027-01-31")
    counted = Counted(
        direction=ANSWER, deviation=bad, count=12, example=text or '{"amount":"80.00"}', first=START,
        last=START + timedelta(seconds=40),
    )  # fmt: skip
    info = replace(counted, deviation=new, count=3)
    tested = Tested(
        system="stripe", operation=name, base_url="http://127.0.0.1:4242", cases=24,
        documented=("200", "400", "404"), seen=("200", "400", "418"),
        failed=(failed, excused) if broken else (excused,),
    )  # fmt: skip
    observed = Observed(
        system="stripe", operation=name, where="platform", exchanges=312, statuses={"200": 300, "404": 12},
        counted=(counted, info) if broken else (info,),
    )  # fmt: skip
    load = replace(observed, operation="GET /v1/charges", where="load", counted=(), exchanges=9_000)
    stub = HeldStub(
        file="mocks/stripe/stubs/charge.json", system="stripe", operation=name, deviations=(bad,) if broken else ()
    )
    unknown = Observed(
        system="ups", operation="", path="/api/v9/ship", where="platform", exchanges=1, statuses={"404": 1},
        counted=(Counted(direction="request", deviation=Deviation(Problem.OPERATION, ""), count=1),),
    )  # fmt: skip
    return Contracts(
        environment="local",
        at=START,
        tested=(tested,),
        observed=(observed, load, *((unknown,) if broken else ())),
        stubs=(stub,),
        undecided={"ecb": text or "no vendor document: contract.yaml alone"},
        documented={"stripe": (name, "GET /v1/charges", "POST /v1/refunds"), "ups": ("POST /api/v2/ship",)},
        left_out={"adyen": "unchanged since run 20261120"},
    )
