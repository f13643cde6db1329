"""A project of a user's own that holds the ten calls as a flow: profile, connector and scenario, as the README says."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_PROFILE = """
name = "ten steps"
[policies.freshness]
erp = 0.01
[environments.local]
view = "witness"
[environments.local.systems.ten_shop]
role = "shop"
mode = "live"
base_url = "{base_url}"
"""
_CONNECTOR = '''
"""The shop of the ten calls, as a user's own connector."""
from assay.http import Answer
from assay.roles import ConnectorHead
HEAD = ConnectorHead(vendor="Ten", role="shop", live="{base_url}", credentials=(), documents=())
class TenShop:
    """Makes one call and returns the text that it must answer."""
    def __init__(self, http, credentials):
        self._http = http
    def call(self, call):
        reply = self._http.request(call.method, call.path, json=call.body)
        return reply.status, Answer.of(reply, system="ten_shop", operation=call.name).text(call.member)
    def orders(self, since, until):
        """No order comes of the ten calls."""
        return []
'''
_SCENARIO = '''
"""Ten calls in ten steps."""
import sys
from assay.flow import Case, flow
from assay.roles import Purchase
sys.path.append({root!r})
from benchmarks.ten_steps.calls import CALLS
CASES = [
    Case(f"c{{n}}", Purchase(currency="EUR", lines=((f"T-{{n}}", 1),), email=f"ten-{{n}}@example.com"))
    for n in range({cases})
]
@flow(id="ten", title="Ten calls in ten steps", cases=CASES)
def ten(run, shop):
    """Make each call in a step of its own and check what it answers."""
    for call in CALLS:
        with run.step(call.name):
            status, value = shop.call(call)
            run.check(status == call.status and value == call.value, f"{{call.value}} is answered")
'''


def write_project(folder: Path, base_url: str, *, cases: int) -> Path:
    """Write the project with so many cases, each with goods of its own, and return its folder."""
    for name, text in (
        ("assay.toml", _PROFILE),
        ("connectors/ten_shop.py", _CONNECTOR),
        ("scenarios/ten.py", _SCENARIO),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(base_url=base_url, cases=cases, root=str(_ROOT)), encoding="utf-8")
    return folder
