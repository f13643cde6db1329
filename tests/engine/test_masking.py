"""Masking: what of a body, a header and a URL may be kept."""

from __future__ import annotations

import pytest

from assay.masking import mask_body, mask_headers, mask_url


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ('{"number": "4242424242424242"}', '{"number": "424242******4242"}'),
        ('{"number": 378282246310005}', '{"number": 378282*****0005}'),
        ("card 4242-4242-4242-4242 ok", "card 424242******4242 ok"),
        ("note=paid+by+4242+4242+4242+4242&n=1", "note=paid+by+424242******4242&n=1"),
        ("n%3D4242424242424242", "n%3D424242******4242"),
        ("on 2026 4242 4242 4242 4242 12", "on 2026 424242******4242 12"),
        ("99999999999999999999999", "99999999999999999999999"),
        ('{"order": "4242424242424241"}', '{"order": "4242424242424241"}'),
        ('{"date": "/Date(1772323200000)/"}', '{"date": "/Date(1772323200000)/"}'),
        ('{"cvc": "123", "cvc_check": "pass"}', '{"cvc": "***", "cvc_check": "pass"}'),
        ('{"securityCode": 123}', '{"securityCode": "***"}'),
        ('{"access_token": "a\\"b", "token_type": "Bearer"}', '{"access_token": "***", "token_type": "Bearer"}'),
        ('{"refresh_token": null, "expires_in": 3600}', '{"refresh_token": null, "expires_in": 3600}'),
        ("grant_type=password&password=s%26x&user=u", "grant_type=password&password=***&user=u"),
        ("card%5Bcvc%5D=123&amount=5", "card%5Bcvc%5D=***&amount=5"),
        ('<a:Password type="x">s</a:Password><n>1</n>', '<a:Password type="x">***</a:Password><n>1</n>'),
        ('{"token": "x password=y", "n": 1}', '{"token": "***", "n": 1}'),
        ('{"log": "İ password=y", "n": 1}', '{"log": "İ password=***", "n": 1}'),
        ("", ""),
    ],
)
def test_bodies_are_masked_by_name_and_by_number(body: str, kept: str) -> None:
    """Secrets are found by name in JSON, forms and XML, cards by their checksum; all else stays as it was."""
    assert mask_body(body.encode()) == kept
    assert mask_body(kept) == kept


def test_bodies_that_are_no_text_are_counted() -> None:
    """A label's image is not kept; its size is."""
    assert mask_body(b"\x89PNG\xff", "image/png") == "<5 bytes of image/png>"
    assert mask_body(b"\xff\xfe\x00") == "<3 bytes, no UTF-8 text>"


def test_headers_and_urls_are_masked() -> None:
    """Credentials in headers, parameters and the authority of a URL are replaced."""
    headers = {"Authorization": "Basic abc", "X-Api-Key": "k", "X-Shopify-Access-Token": "t", "Accept": "*/*"}
    assert mask_headers(headers) == {
        "Authorization": "Basic ***",
        "X-Api-Key": "***",
        "X-Shopify-Access-Token": "***",
        "Accept": "*/*",
    }
    assert mask_headers({"Idempotency-Key": "F01-1"}) == {"Idempotency-Key": "F01-1"}
    assert mask_url("https://u:p@host/a?api_key=s&b=1") == "https://host/a?api_key=***&b=1"
