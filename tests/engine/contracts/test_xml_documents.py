"""XML: schemas, WSDL and DTD judge messages at their place, and nothing is ever loaded from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.contracts import dtd, xml_safe
from assay.contracts.model import Document, Problem, Shape
from assay.contracts.reading import read_document
from assay.errors import UsageError

TYPES = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:types"
 xmlns:t="urn:types" elementFormDefault="qualified">
 <xs:import namespace="urn:orders" schemaLocation="../orders.xsd"/>
 <xs:simpleType name="Country"><xs:restriction base="xs:string">
  <xs:enumeration value="FR"/><xs:enumeration value="DE"/></xs:restriction></xs:simpleType>
 <xs:simpleType name="Line"><xs:restriction base="xs:string"><xs:maxLength value="5"/></xs:restriction></xs:simpleType>
 <xs:complexType name="Address"><xs:sequence>
  <xs:element name="line" type="t:Line" maxOccurs="2"/><xs:element name="country" type="t:Country"/>
 </xs:sequence><xs:attribute name="kind" use="required"/></xs:complexType>
</xs:schema>"""
ORDERS = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:orders"
 xmlns:t="urn:types" xmlns="urn:orders" elementFormDefault="qualified">
 <xs:import namespace="urn:types" schemaLocation="types/types.xsd"/>
 <xs:element name="book"><xs:complexType><xs:sequence>
  <xs:element name="to" type="t:Address"/><xs:element name="weight" type="xs:decimal"/>
  <xs:element name="note" type="xs:string" minOccurs="0" nillable="true"/>
 </xs:sequence></xs:complexType></xs:element>
 <xs:element name="bookResponse"><xs:complexType><xs:sequence>
  <xs:element name="label" type="xs:string"/></xs:sequence></xs:complexType></xs:element>
</xs:schema>"""
WSDL = """<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
 xmlns:o="urn:orders" xmlns:w="urn:wsdl" name="Booking" targetNamespace="urn:wsdl">
 <types><xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:import namespace="urn:orders" schemaLocation="orders.xsd"/></xs:schema></types>
 <message name="bookIn"><part name="p" element="o:book"/></message>
 <message name="bookOut"><part name="p" element="o:bookResponse"/></message>
 <portType name="P">
  <operation name="book"><input message="w:bookIn"/><output message="w:bookOut"/></operation></portType>
 <binding name="B" type="w:P"><s:binding transport="http://schemas.xmlsoap.org/soap/http"/>
  <operation name="book"><s:operation soapAction="urn:book"/></operation>
  <operation name="lost"><s:operation soapAction=""/></operation></binding>
 <service name="Booking"><port name="P" binding="w:B"><s:address location="https://ship.example/soap/v1"/></port></service>
</definitions>"""
CXML = b"""<!ENTITY % number "CDATA">
<!ELEMENT cXML (Header, (Request | Response | Message))>
<!ATTLIST cXML payloadID CDATA #REQUIRED version CDATA "1.2.0">
<!ELEMENT Header (#PCDATA)>
<!ELEMENT Request (OrderRequest | PingRequest)>
<!ATTLIST Request deploymentMode (production | test) "production">
<!ELEMENT Response (Status, PingResponse?)>
<!ELEMENT Message (Status?, CartMessage)>
<!ELEMENT Status EMPTY>
<!ATTLIST Status code %number; #REQUIRED>
<!ELEMENT PingRequest EMPTY> <!ELEMENT PingResponse EMPTY> <!ELEMENT CartMessage EMPTY>
<!ELEMENT OrderRequest (Total, Item+)>
<!ELEMENT Total (#PCDATA)> <!ELEMENT Item EMPTY>
"""
BOOK = '<o:book xmlns:o="urn:orders" xmlns:t="urn:types">%s</o:book>'
TO = '<o:to kind="home"><t:line>a</t:line><t:country>FR</t:country></o:to>'
WEIGHT = "<o:weight>1.5</o:weight>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service's documents, whose schemas import each other."""
    folder = tmp_path_factory.mktemp("ship")
    (folder / "types").mkdir()
    (folder / "types" / "types.xsd").write_text(TYPES)
    (folder / "orders.xsd").write_text(ORDERS)
    (folder / "booking.wsdl").write_text(WSDL)
    return folder


@pytest.fixture(scope="module", params=["orders.xsd", "booking.wsdl"])
def service(folder: Path, request: pytest.FixtureRequest) -> Document:
    """The same service, read from its schema and from its WSDL."""
    return read_document(folder / request.param)


def _sent(document: Document) -> Shape:
    shape = document.operations[0].requests["text/xml"]
    assert shape is not None
    return shape


def _found(shape: Shape | None, body: str) -> list[tuple[Problem, str]]:
    assert shape is not None
    return [(each.problem, each.path) for each in shape.deviations(body.encode())]


def test_a_service_has_its_operations_by_action_and_element(folder: Path) -> None:
    """A WSDL's operation has its address and action; one that is bound and not declared is a fault, never fatal."""
    document = read_document(folder / "booking.wsdl")
    found = document.find("POST", "/soap/v1", "urn:book", "ship.example")
    assert found is not None and found.name == "book"
    assert [each.problem for each in document.faults] == ["binds operation 'lost', which its port type does not have"]
    assert [each.selector for each in read_document(folder / "orders.xsd").operations] == ["book"]


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (TO + WEIGHT, []),
        (TO + WEIGHT + "<o:note xsi:nil='true' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'/>", []),
        (TO, [(Problem.MISSING, "weight")]),
        (TO + WEIGHT + "<o:colour/>", [(Problem.SCHEMA, "colour")]),
        (TO + WEIGHT + "<o:note/><o:colour/>", [(Problem.FIELD, "colour")]),
        (TO + "<o:weight>heavy</o:weight>", [(Problem.TYPE, "weight")]),
        (TO.replace("FR", "XX") + WEIGHT, [(Problem.ENUM, "to.country")]),
        (TO.replace(">a<", ">too long<") + WEIGHT, [(Problem.LIMIT, "to.line")]),
        (TO.replace(' kind="home"', "") + WEIGHT, [(Problem.MISSING, "to@kind")]),
        (TO.replace("kind", "more='1' kind") + WEIGHT, [(Problem.FIELD, "to@more")]),
        (TO + "<o:weight>***</o:weight>", []),
    ],
)
def test_a_message_is_judged_by_the_schemas(
    service: Document, inside: str, expected: list[tuple[Problem, str]]
) -> None:
    """What is missing, too much, of a wrong type, set or length is told by its path, within SOAP's envelope or not."""
    body = BOOK % inside
    envelope = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>%s</e:Body></e:Envelope>'
    assert _found(_sent(service), body) == expected
    assert _found(_sent(service), envelope % body) == expected


def test_what_the_schemas_say_of_each_path(service: Document) -> None:
    """Types, requiredness, sets and limits of every element and attribute, across the files they stand in."""
    fields = _sent(service).fields
    assert set(fields) == {"", "to", "to@kind", "to.line", "to.country", "weight", "note"}
    assert fields["to.country"].enum == frozenset({"FR", "DE"}) and fields["weight"].types == {"number"}
    assert fields["note"].types == {"string", "null"} and not fields["note"].required and fields["to"].required
    assert dict(fields["to.line"].limits) == {"maxLength": "5", "maxOccurs": "2"}


def test_an_answer_and_a_fault_are_judged(service: Document) -> None:
    """The answer's element is held against the document; SOAP's own fault is none of its business."""
    answer = service.operations[0].answer(200)
    assert answer is not None
    shape = answer.shapes["text/xml"]
    good = '<bookResponse xmlns="urn:orders"><label>x</label></bookResponse>'
    assert _found(shape, good) == []
    assert _found(shape, good.replace("urn:orders", "urn:other")) == [(Problem.SCHEMA, "")]
    fault = "<e:Fault xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><faultcode>c</faultcode></e:Fault>"
    assert _found(shape, fault) == []


@pytest.mark.parametrize(
    "declared",
    [
        "<!DOCTYPE a [<!ENTITY x SYSTEM 'file://{secret}'>]>",
        "<!DOCTYPE a [<!ENTITY x 'expanded'>]>",
        "<!DOCTYPE a [<!-- <a --> <!ENTITY x 'expanded'>]>",
        "<!DOCTYPE a [<!ENTITY % p SYSTEM 'file://{secret}'> %p;]>",
    ],
)
def test_entities_are_refused_never_resolved(service: Document, tmp_path: Path, declared: str) -> None:
    """A message that declares an entity is refused whole, whatever the entity would be."""
    secret = tmp_path / "secret"
    secret.write_text("tell nobody")
    found = _sent(service).deviations((declared.format(secret=secret) + "<a>&x;</a>").encode())
    assert [each.problem for each in found] == [Problem.MALFORMED]
    assert "nobody" not in str(found) and "expanded" not in str(found)


def test_a_doctype_is_let_stand_and_not_loaded(tmp_path: Path) -> None:
    """Every DOCTYPE of cXML names an address: the message is read, the address is not; text on entities is text."""
    there = tmp_path / "there.dtd"
    there.write_text("<!ELEMENT a EMPTY>")
    assert xml_safe.parse(f'<!DOCTYPE a SYSTEM "file://{there}"><a>1</a>'.encode()).text == "1"
    parsed = xml_safe.parse(b'<!DOCTYPE a SYSTEM "x.dtd" []><a><![CDATA[<!ENTITY x "y">]]></a>')
    assert parsed.text == '<!ENTITY x "y">'


def test_a_schema_loads_nothing_but_its_neighbours(tmp_path: Path) -> None:
    """What a schema imports from elsewhere, by address or path, is a fault; the rest of it is read."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "outside.xsd").write_text(TYPES)
    path = tmp_path / "specs" / "a.xsd"
    for location in ("../outside.xsd", "http://127.0.0.1:9/types.xsd", f"file://{tmp_path}/outside.xsd"):
        path.write_text(ORDERS.replace("types/types.xsd", location))
        document = read_document(path)
        assert location in document.faults[0].problem and "cannot be compiled" in document.faults[1].problem
        assert [each.name for each in document.operations] == ["book"]


def test_a_dtd_that_loads_another_is_read_without_it(tmp_path: Path) -> None:
    """An external entity of a DTD is left out and listed; one that multiplies itself is refused."""
    (tmp_path / "more.dtd").write_text("<!ELEMENT b EMPTY>")
    path = tmp_path / "a.dtd"
    path.write_text('<!ENTITY % more SYSTEM "more.dtd">\n%more;\n<!ELEMENT a (#PCDATA)>')
    document = read_document(path)
    assert [each.problem for each in document.faults] == ["loads entity 'more' from elsewhere: left out"]
    entities = "".join(f'<!ENTITY % e{at} "{f"%e{at - 1};" * 10}">' for at in range(1, 13))
    path.write_text(f'<!ENTITY % e0 "xxxxxxxxxx">{entities}<!ELEMENT a (%e12;)>'.replace("% e", "% e"))
    with pytest.raises(UsageError, match="DTD"):
        read_document(path)


def test_each_request_element_of_a_dtd_is_an_operation() -> None:
    """Of cXML every request and message is an operation; a message says which by its element."""
    document = read_document(CXML, source="cxml.dtd")
    assert [(each.name, each.webhook) for each in document.operations] == [
        ("OrderRequest", False),
        ("PingRequest", False),
        ("CartMessage", True),
    ]
    assert (document.title, document.version) == ("cXML", "1.2.0")
    for operation in document.operations:
        way = "Message" if operation.webhook else "Request"
        root = xml_safe.parse(f"<cXML><Header/><{way}><{operation.name}/></{way}></cXML>".encode())
        assert document.find("POST", "/", dtd.selected(root)) is operation


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<OrderRequest><Total>1</Total><Item/></OrderRequest>", []),
        ("<OrderRequest><Total>1</Total></OrderRequest>", [(Problem.MISSING, "Request.OrderRequest.Item")]),
        ("<OrderRequest><Item/><Total>1</Total></OrderRequest>", [(Problem.SCHEMA, "Request.OrderRequest")]),
        (
            "<OrderRequest><Total>1</Total><Item/><Tip/></OrderRequest>",
            [(Problem.FIELD, "Request.OrderRequest.Tip")],
        ),
        (
            "<OrderRequest><Total>1</Total><Item more='1'/></OrderRequest>",
            [(Problem.FIELD, "Request.OrderRequest.Item@more")],
        ),
        ("<PingRequest/>", [(Problem.MISSING, "Request.OrderRequest")]),
    ],
)
def test_a_message_is_judged_by_the_dtd(body: str, expected: list[tuple[Problem, str]]) -> None:
    """What lacks, is too much, or in another order is told by its path; so is another request than was expected."""
    shape = read_document(CXML, source="cxml.dtd").operations[0].requests["text/xml"]
    whole = f'<!DOCTYPE cXML SYSTEM "http://x/cXML.dtd"><cXML payloadID="1"><Header/><Request>{body}</Request></cXML>'
    assert _found(shape, whole) == expected
    beta = _found(shape, whole.replace("<Request>", '<Request deploymentMode="beta">'))
    assert sorted(beta) == sorted([*expected, (Problem.ENUM, "Request@deploymentMode")])


def test_what_a_dtd_says_of_each_path() -> None:
    """Elements, attributes, requiredness and sets; of the envelope only the way to this request."""
    shape = read_document(CXML, source="cxml.dtd").operations[0].requests["text/xml"]
    assert shape is not None
    fields = shape.fields
    assert "Request.PingRequest" not in fields and "Response" not in fields
    assert fields["@payloadID"].required and fields["Request@deploymentMode"].enum == frozenset({"production", "test"})
    assert fields["Request.OrderRequest.Total"].types == {"string"} and fields["Request.OrderRequest.Item"].required
