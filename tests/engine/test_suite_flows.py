"""Flows are found in suites by id, chosen by name, case, tag and words, and refused with the place when wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.errors import UsageError
from assay.flow import perform
from assay.suite_flows import choose, load_flows
from assay.suites import reference_suite
from tests.engine.test_flow import Still

# What a newcomer writes: a flow of five steps in two cases, no class.
FIVE_STEPS = '''\
"""A voucher is bought and seen everywhere."""

from assay.flow import Case, Run, flow
from assay.roles import Erp, Payments, Purchase, Shop

CASES = [
    Case(currency.lower(), Purchase(currency=currency, lines=(("0017", 1),), email="v@example.com"))
    for currency in ("EUR", "JPY")
]


@flow(id="V01", title="Buy a voucher", cases=CASES, tags=["order", "money"], reversible=True)
def voucher(run: Run, shop: Shop, payments: Payments, erp: Erp) -> None:
    with run.step("place the order"):
        ref = run.buy(shop)
    with run.step("read it back"):
        order = shop.order(ref)
        run.saw("confirmation", order.total)
    with run.step("see the payment captured"):
        run.eventually(lambda: payments.payment(order.payment_refs[0]).captured.minor, within="payments")
    with run.step("see it in the ERP"):
        documents = run.eventually(lambda: erp.documents_of(order.number), within="erp")
    with run.step("see one document, no more"):
        run.check(len(documents) == 1, "one sales order for one order")
'''


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """A function that makes a suite of scenario files; what they import as is forgotten afterwards."""
    before = set(sys.modules)

    def make(name: str = "suite", **files: str) -> Path:
        (tmp_path / name / "scenarios").mkdir(parents=True)
        for stem, text in files.items():
            (tmp_path / name / "scenarios" / f"{stem}.py").write_text(text)
        return tmp_path / name

    yield make
    for name in set(sys.modules) - before:
        if name.startswith("scenarios."):
            del sys.modules[name]


def small(flow_id: str, title: str = "t", tags: str = "") -> str:
    """A scenario file with one flow that does nothing."""
    return (
        "from assay.flow import Case, flow\nfrom assay.roles import Purchase\n"
        "case = Case('eur', Purchase(currency='EUR', lines=(), email='a@example.com'))\n"
        f"@flow(id='{flow_id}', title='{title}', cases=[case], tags=[{tags}])\ndef act(run): pass\n"
    )


def test_a_new_flow_is_one_short_file(suite: Callable[..., Path]) -> None:
    """A flow of five steps and two cases takes under 40 lines and no class, is found, and runs."""
    assert len(FIVE_STEPS.splitlines()) < 40
    assert "class " not in FIVE_STEPS
    [found] = load_flows([suite(voucher=FIVE_STEPS)]).values()

    class Everything:
        number, total, payment_refs = "1", "80.00", ("p",)
        captured = type("Amount", (), {"minor": 1})

        def answer(self, *_: Any) -> Any:
            return self

        # Real methods: since Python 3.12 a Protocol is not satisfied by __getattr__.
        place = order = orders = payment = payments = documents = answer

        def documents_of(self, *_: Any) -> list[str]:
            return ["document"]

    everything = Everything()
    roles = dict.fromkeys(found.roles, everything)
    outcome = perform(found, found.case("jpy"), roles, Still(), "local")
    assert [(step.name, step.error) for step in outcome.steps] == [
        ("place the order", None),
        ("read it back", None),
        ("see the payment captured", None),
        ("see it in the ERP", None),
        ("see one document, no more", None),
    ]


def test_the_shipped_flows_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scenario of the reference suite imports, and the thread is among them, as its own test imports it."""
    # Tests of monitors may have run in this process, which leave copies under these names, and their folders ahead.
    monkeypatch.syspath_prepend(str(reference_suite()))
    for name in [name for name in sys.modules if name.partition(".")[0] == "scenarios"]:
        monkeypatch.delitem(sys.modules, name)
    from scenarios.thread import thread

    assert load_flows([reference_suite()])["thread"] is thread


def test_tests_and_private_files_are_passed_over(suite: Callable[..., Path]) -> None:
    """Tests, conftest.py and files with an underscore are not imported; a suite without scenarios has no flows."""
    broken = "raise RuntimeError"
    root = suite(test_a=broken, conftest=broken, _parts=broken, a=small("A"))
    assert list(load_flows([root])) == ["A"]
    assert load_flows([root / "nowhere"]) == {}


def test_the_users_own_file_comes_first(suite: Callable[..., Path]) -> None:
    """A file of the first root hides one of the same name of the next, and adds to the others."""
    roots = [suite("own", a=small("A", "mine")), suite("shipped", a=small("A"), b=small("B"))]
    assert {name: flow.title for name, flow in load_flows(roots).items()} == {"A": "mine", "B": "t"}


def test_two_flows_of_one_id_are_refused(suite: Callable[..., Path]) -> None:
    """One id in two files is an error that names both; a flow that another file imports is still one flow."""
    root = suite(a=small("A"), b=small("A"))
    with pytest.raises(UsageError, match="two flows have the id 'A'") as refused:
        load_flows([root])
    assert all(str(root / "scenarios" / name) in str(refused.value.where) for name in ("a.py", "b.py"))


def test_a_flow_used_by_another_file_is_one_flow(suite: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A scenario that imports a flow of another one does not declare it a second time."""
    root = suite(
        zz_first=small("A"), zz_second="from scenarios.zz_first import act\n" + small("B").replace("act(", "b(")
    )
    monkeypatch.syspath_prepend(str(root))
    assert sorted(load_flows([root])) == ["A", "B"]


@pytest.mark.parametrize(
    ("text", "line", "seen"),
    [
        ("x = 1\nraise RuntimeError('boom')\n", 2, "RuntimeError: boom"),
        ("x = (\n", 1, "SyntaxError"),
        ("import no_such_module\n", 1, "ModuleNotFoundError"),
        ("import sys\nsys.exit(0)\n", 2, "SystemExit: 0"),
    ],
)
def test_a_file_that_cannot_be_imported_is_named(suite: Callable[..., Path], text: str, line: int, seen: str) -> None:
    """A scenario that raises when imported is wrong use, with file, line and what it raised."""
    root = suite(a=text)
    with pytest.raises(UsageError, match="cannot be imported") as refused:
        load_flows([root])
    assert refused.value.where == f"{root / 'scenarios' / 'a.py'}:{line}"
    assert str(refused.value.seen).startswith(seen)


def test_a_flow_declared_wrongly_is_named(suite: Callable[..., Path]) -> None:
    """Misuse of @flow says in which file."""
    root = suite(a=small("A", tags="'mony'"))
    with pytest.raises(UsageError, match="tag 'mony'") as refused:
        load_flows([root])
    assert refused.value.where == str(root / "scenarios" / "a.py")


def test_cases_are_chosen(suite: Callable[..., Path]) -> None:
    """By flow, by one case of it, by all of several tags, by words in id, case or title; each once; perhaps none."""
    root = suite(voucher=FIVE_STEPS, a=small("A", "Browse ONLY", "'browse', 'smoke'"))
    flows = load_flows([root])

    def names(**chosen: Any) -> list[str]:
        return [f"{flow.id}[{case.name}]" for flow, case in choose(flows, **chosen)]

    assert names() == ["A[eur]", "V01[eur]", "V01[jpy]"]
    assert names(names=["V01[jpy]", "V01"]) == ["V01[jpy]", "V01[eur]"]
    assert names(tags=["browse", "smoke"]) == names(words="browse only") == ["A[eur]"]
    assert names(words="[jpy") == ["V01[jpy]"]
    assert names(tags=["browse", "order"]) == names(words="nothing") == []
    for wrong, hint in (
        ({"names": ["V1"]}, "did you mean 'V01'?"),
        ({"names": ["V01[eurr]"]}, "did you mean 'eur'?"),
        ({"tags": ["mony"]}, "did you mean 'money'?"),
    ):
        with pytest.raises(UsageError) as refused:
            names(**wrong)
        assert refused.value.hint == hint
