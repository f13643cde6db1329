"""The SOAP service Journal Entry – Post (Synchronous): envelopes read and written around `journal.post`.

Follows https://api.sap.com/api/JOURNALENTRYCREATEREQUESTCONFI. Each entry of a request is posted or refused for itself,
both in an answer with HTTP 200: the log's severity 3 says refused. Elements below the request are in no namespace;
others are passed over, as SAP's proxies do.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from xml.sax.saxutils import escape

from assay.simkit import Answer, Call, Refused
from mocks.sap_s4hana.access import user_of, verify
from mocks.sap_s4hana.journal import Amount, Item, Posted, post
from mocks.sap_s4hana.state import SapState

PATH = "/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi"
NAMESPACE = "http://sap.com/xi/SAPSCORE/SFIN"
REQUEST = "JournalEntryBulkCreateRequest"
_SOAP = {
    "http://schemas.xmlsoap.org/soap/envelope/": "text/xml; charset=utf-8",
    "http://www.w3.org/2003/05/soap-envelope": "application/soap+xml; charset=utf-8",
}
_SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"


def handle(state: SapState, call: Call) -> Answer:
    """Post every entry of a request and return the confirmation."""
    verify(state.world, call)
    soap, request = _request(call)
    header = _texts(request.find("MessageHeader"))
    confirmations = []
    for wish in request.findall("JournalEntryCreateRequest"):
        entry = wish.find("JournalEntry")
        items = [] if entry is None else [_item(each) for each in entry.findall("Item")]
        posted = post(state, _texts(entry), items, user_of(call))
        confirmations.append(_confirmation(state, _texts(wish.find("MessageHeader")).get("ID", ""), posted))
    if not confirmations:
        raise _fault("The request holds no JournalEntryCreateRequest", soap)
    body = (
        f'<n0:JournalEntryBulkCreateConfirmation xmlns:n0="{NAMESPACE}">'
        f"{_message_header(state, header.get('ID', ''))}{''.join(confirmations)}<Log/>"
        "</n0:JournalEntryBulkCreateConfirmation>"
    )
    return Answer(_envelope(body, soap), 200, {}, _SOAP[soap])


def _request(call: Call) -> tuple[str, ElementTree.Element]:
    """Return the SOAP version's namespace and the request element; raises `Refused` with a fault."""
    if b"<!DOCTYPE" in call.body:
        raise _fault("A document type declaration is not allowed in a SOAP message")
    try:
        root = ElementTree.fromstring(call.body)  # noqa: S314 - no document type, so no entities
    except ElementTree.ParseError as error:
        raise _fault(f"XML cannot be read: {error}") from None
    soap, _, name = root.tag.removeprefix("{").partition("}")
    if name != "Envelope" or soap not in _SOAP:
        raise _fault(f"Root element {root.tag[:80]} is no SOAP envelope")
    request = root.find(f"{{{soap}}}Body/{{{NAMESPACE}}}{REQUEST}")
    if request is None:
        raise _fault(f"The body holds no {REQUEST} of namespace {NAMESPACE}", soap)
    return soap, request


def _texts(element: ElementTree.Element | None) -> dict[str, str]:
    if element is None:
        return {}
    return {each.tag: (each.text or "").strip() for each in element if len(each) == 0}


def _item(element: ElementTree.Element) -> Item:
    return Item(
        {**_texts(element), **_texts(element.find("AccountAssignment"))},
        _amount(element.find("AmountInTransactionCurrency")),
        _amount(element.find("AmountInCompanyCodeCurrency")),
    )


def _amount(element: ElementTree.Element | None) -> Amount | None:
    if element is None:
        return None
    return Amount((element.text or "").strip(), element.get("currencyCode", ""))


def _confirmation(state: SapState, reference: str, posted: Posted) -> str:
    worst = max(note.severity for note in posted.notes)
    notes = "".join(
        _element("Item", _element("TypeID", escape(note.type_id)), *_severity(note.severity, note.text))
        for note in posted.notes
    )
    inner = _element(
        "JournalEntryCreateConfirmation",
        _element("AccountingDocument", posted.document or "0000000000"),
        _element("CompanyCode", escape(posted.company_code)),
        _element("FiscalYear", posted.year),
    )
    log = _element("Log", _element("MaximumLogItemSeverityCode", str(worst)), notes)
    return _element("JournalEntryCreateConfirmation", _message_header(state, reference), inner, log)


def _severity(severity: int, text: str) -> Iterator[str]:
    yield _element("SeverityCode", str(severity))
    yield _element("Note", escape(text))


def _message_header(state: SapState, reference: str) -> str:
    created = state.world.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    parts = [_element("UUID", state.uuid("message"))]
    if reference:
        parts.append(_element("ReferenceID", escape(reference)))
    return _element("MessageHeader", *parts, _element("CreationDateTime", created))


def _element(name: str, *content: str) -> str:
    return f"<{name}>{''.join(content)}</{name}>"


def _envelope(body: str, soap: str) -> str:
    return (
        f'<soap-env:Envelope xmlns:soap-env="{soap}"><soap-env:Header/><soap-env:Body>{body}</soap-env:Body>'
        "</soap-env:Envelope>"
    )


def _fault(text: str, soap: str = _SOAP_11) -> Refused:
    """Return the refusal of a message that is not this service's request, as a SOAP fault with HTTP 500."""
    if soap == _SOAP_11:
        inner = f'<faultcode>soap-env:Client</faultcode><faultstring xml:lang="en">{escape(text)}</faultstring>'
    else:
        inner = (
            "<soap-env:Code><soap-env:Value>soap-env:Sender</soap-env:Value></soap-env:Code>"
            f'<soap-env:Reason><soap-env:Text xml:lang="en">{escape(text)}</soap-env:Text></soap-env:Reason>'
        )
    return Refused(Answer(_envelope(f"<soap-env:Fault>{inner}</soap-env:Fault>", soap), 500, {}, _SOAP[soap]))
