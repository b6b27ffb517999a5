"""The scanner finds a value that was written down, in whatever form; else its silence means nothing."""

from __future__ import annotations

import base64
import json
import os
from urllib.parse import quote

import pytest
from scanner import Scanner, Value, files

TEXT = 'päss"wörd\\ of the/shop+ 7f3a91c2 €'
BINARY = bytes(range(200, 256)) + b"\x00\x01\x02"

WRITTEN = {
    "as it is": lambda raw: raw,
    "in base64": base64.b64encode,
    "in base64 after one byte": lambda raw: base64.b64encode(b"x" + raw + b"yz"),
    "in base64 after two bytes": lambda raw: base64.b64encode(b"xy" + raw + b"z"),
    "in URL-safe base64": base64.urlsafe_b64encode,
    "in base64 without padding": lambda raw: base64.b64encode(raw).rstrip(b"="),
    "in hexadecimal": lambda raw: raw.hex().encode(),
    "in capital hexadecimal": lambda raw: raw.hex().upper().encode(),
    "as a list of numbers": lambda raw: str(list(raw)).encode(),
    "as Python shows bytes": lambda raw: repr(raw).encode(),
    "percent-encoded": lambda raw: quote(raw).encode(),
    "percent-encoded to the last": lambda raw: "".join(f"%{b:02x}" for b in raw).encode(),
    "its first half": lambda raw: raw[: len(raw) // 2],
    "its last half": lambda raw: raw[len(raw) // 2:],
}
WRITTEN_TEXT = {
    "in JSON": lambda text: json.dumps({"value": text}).encode(),
    "in JSON with UTF-8": lambda text: json.dumps({"value": text}, ensure_ascii=False).encode(),
    "in JSON in JSON": lambda text: json.dumps(json.dumps({"value": text})).encode(),
    "in escapes alone": lambda text: "".join(f"\\u{ord(each):04x}" for each in text).encode(),
    "in UTF-16, little end first": lambda text: text.encode("utf-16-le"),
    "in UTF-16, big end first": lambda text: b"x" + text.encode("utf-16-be"),
}


@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.parametrize("value", [TEXT.encode(), BINARY], ids=["text", "binary"])
def test_a_written_value_is_found(tmp_path, how, value):
    (tmp_path / "deep").mkdir()
    noise = os.urandom(100_000)
    (tmp_path / "deep" / "file").write_bytes(noise + WRITTEN[how](value) + noise)
    scanner = Scanner([Value("the value", value), Value("another", b"another value that is nowhere")])
    found = scanner.scan(files(tmp_path))
    assert found and all("the value" in one and "file" in one for one in found)


@pytest.mark.parametrize("how", WRITTEN_TEXT)
def test_a_written_text_is_found(tmp_path, how):
    (tmp_path / "file").write_bytes(WRITTEN_TEXT[how](TEXT))
    assert Scanner([Value("the value", TEXT.encode())]).scan(files(tmp_path))


def test_a_value_in_a_files_name_is_found(tmp_path):
    (tmp_path / "value-7f3a91c2-5d8e0a").touch()
    assert Scanner([Value("the value", b"value-7f3a91c2-5d8e0a")]).scan(files(tmp_path))


def test_nothing_is_found_where_nothing_is(tmp_path):
    (tmp_path / "file").write_bytes(os.urandom(2_000_000))
    assert Scanner([Value("the value", TEXT.encode()), Value("binary", BINARY)]).scan(files(tmp_path)) == []
