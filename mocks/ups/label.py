"""Shipping labels, drawn from a parcel document alone, and the commercial invoice of an export.

GIF and PNG hold the printed text a second time as the image's comment, so that a test reads it without recognising
letters; ZPL and EPL are text anyway.
"""

from __future__ import annotations

import base64
import functools
import io
import unicodedata

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from mocks.ups.barcode import code128
from mocks.ups.refusal import Json

FORMATS = ("GIF", "PNG", "ZPL", "EPL")
_WIDTH, _HEIGHT = 800, 1_200  # a 4 x 6 inch label at 200 dots an inch, upright
_MARGIN = 24
_LINE = 34


def label(parcel: Json, kind: str) -> str:
    """Return a parcel's label in GIF, PNG, ZPL or EPL, base64-encoded."""
    lines = label_lines(parcel)
    if kind == "ZPL":
        content = _zpl(parcel["tracking"], lines)
    elif kind == "EPL":
        content = _epl(parcel["tracking"], lines)
    else:
        content = _image(parcel["tracking"], lines, kind)
    return base64.b64encode(content).decode()


def label_lines(parcel: Json) -> list[str]:
    """Return what is printed: sender, receiver, service, weight, tracking number, references."""
    sender, receiver = parcel["from"], parcel["to"]
    references = [*parcel["shipment_references"], *parcel["package_references"]]
    return [
        *_address(sender),
        "",
        "SHIP TO:",
        *_address(receiver),
        "",
        f"{parcel['service_name'].upper()}   {parcel['number']} OF {parcel['of']}",
        f"WEIGHT {parcel['weight']} {parcel['unit']}",
        f"TRACKING #: {parcel['tracking']}",
        *(f"REF {code}: {value}".replace("REF :", "REF:") for code, value in references),
    ]


def _address(party: Json) -> list[str]:
    town = " ".join(part for part in (party["city"], party["state"], party["postcode"]) if part)
    names = dict.fromkeys(part for part in (party["attention"], party["name"]) if part)
    return [part for part in (*names, party["phone"], *party["lines"], town, party["country"]) if part]


def _image(tracking: str, lines: list[str], kind: str) -> bytes:
    image = Image.new("1", (_WIDTH, _HEIGHT), 1)
    draw = ImageDraw.Draw(image)
    y = _MARGIN
    for line in lines:
        draw.text((_MARGIN, y), _drawable(line), fill=0, font=_font())
        y += _LINE
    draw.line((0, y, _WIDTH, y), fill=0, width=4)
    _draw_bars(draw, tracking, max(y + 30, 820))
    out = io.BytesIO()
    # UPS's image labels lie on their side; whoever prints them turns them by 90 degrees.
    turned = image.transpose(Image.Transpose.ROTATE_90)
    text = "\n".join(lines)
    if kind == "PNG":
        info = PngInfo()
        info.add_itxt("Description", text)
        turned.save(out, "PNG", pnginfo=info)
    else:
        turned.save(out, "GIF", comment=text.encode())
    return out.getvalue()


def _draw_bars(draw: ImageDraw.ImageDraw, tracking: str, top: int) -> None:
    widths = code128(tracking)
    module = (_WIDTH - 2 * _MARGIN) // sum(widths)
    x = (_WIDTH - module * sum(widths)) // 2
    for place, width in enumerate(widths):
        if place % 2 == 0:
            draw.rectangle((x, top, x + module * width - 1, top + 260), fill=0)
        x += module * width


def _drawable(line: str) -> str:
    # Pillow's own font has no accented letters: they are drawn as their base letter, other scripts as question marks.
    letters = (sign for sign in unicodedata.normalize("NFKD", line) if not unicodedata.combining(sign))
    return "".join(letters).encode("ascii", "replace").decode()


@functools.cache
def _font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(28)


def _zpl(tracking: str, lines: list[str]) -> bytes:
    fields = [f"^FO24,{24 + 34 * place}^A0N,28,28^FH^FD{_zpl_text(line)}^FS" for place, line in enumerate(lines)]
    bars = f"^FO60,820^BY3^BCN,260,N,N,N^FD{tracking}^FS"
    return "\n".join(["^XA", "^CI28", "^PW812", "^LL1218", *fields, bars, "^XZ", ""]).encode()


def _zpl_text(line: str) -> str:
    # ^FH reads _xx as a byte; ^ and ~ begin commands wherever they stand.
    return line.replace("_", "_5F").replace("^", "_5E").replace("~", "_7E")


def _epl(tracking: str, lines: list[str]) -> bytes:
    plain = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    fields = [f'A24,{24 + 34 * place},0,3,1,1,N,"{line}"' for place, line in enumerate(plain)]
    bars = f'B60,820,0,1B,3,6,260,N,"{tracking}"'
    return "\r\n".join(["", "N", "I8,A,001", *fields, bars, "P1", ""]).encode("cp1252", "replace")


def invoice(lines: list[str]) -> str:
    """Return a one-page PDF of an export's commercial invoice, base64-encoded."""
    image = Image.new("1", (_WIDTH, _HEIGHT), 1)
    draw = ImageDraw.Draw(image)
    for place, line in enumerate(lines[:33]):
        draw.text((_MARGIN, _MARGIN + _LINE * place), _drawable(line), fill=0, font=_font())
    out = io.BytesIO()
    image.save(out, "PDF", resolution=200)
    return base64.b64encode(out.getvalue()).decode()


def signature(name: str) -> str:
    """Return a GIF of a receiver's signature, base64-encoded."""
    image = Image.new("1", (400, 100), 1)
    ImageDraw.Draw(image).text((10, 30), _drawable(name), fill=0, font=_font())
    out = io.BytesIO()
    image.save(out, "GIF", comment=name.encode())
    return base64.b64encode(out.getvalue()).decode()
