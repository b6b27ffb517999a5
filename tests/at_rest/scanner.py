"""Looks for values in bytes, in every form in which they might have been written down by mistake."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

# A piece of a value this long is a find: nobody writes it by chance.
PIECE_BYTES = 14


@dataclass(frozen=True)
class Value:
    """Something that may be written nowhere."""

    name: str
    content: bytes

    def pieces(self) -> Iterable[bytes | str]:
        """Its beginning, middle and end; as text where it is text."""
        try:
            content: bytes | str = self.content.decode("utf-8")
        except UnicodeDecodeError:
            content = self.content
        assert len(content) >= PIECE_BYTES, f"{self.name} is too short to be told from chance"
        last = len(content) - PIECE_BYTES
        return {content[start:start + PIECE_BYTES] for start in (0, last // 2, last)}

    def needles(self) -> dict[bytes, str]:
        """What to look for, and which form of the value it is."""
        found: dict[bytes, str] = {}
        for piece in self.pieces():
            for form, needle in forms(piece):
                found.setdefault(needle, f"{self.name} ({form})")
        return found


def forms(piece: bytes | str) -> Iterable[tuple[str, bytes]]:
    """A piece of a value in each form."""
    raw = piece.encode() if isinstance(piece, str) else piece
    yield "as it is", raw
    for offset in range(3):
        # The characters that depend on nothing but the piece, wherever it stands in what was encoded.
        first, end = (0, 2, 3)[offset], (offset + len(raw)) * 8 // 6
        encoded = base64.b64encode(b"\0" * offset + raw)[first:end]
        yield f"base64 at {offset}", encoded
        yield f"URL-safe base64 at {offset}", encoded.replace(b"+", b"-").replace(b"/", b"_")
    yield "hexadecimal", raw.hex().encode()
    yield "HEXADECIMAL", raw.hex().upper().encode()
    yield "hexadecimal with spaces", raw.hex(" ").encode()
    yield "bytes in decimal", ", ".join(map(str, raw)).encode()
    yield "bytes in decimal, close", ",".join(map(str, raw)).encode()
    yield "escaped bytes", "".join(chr(b) if 32 <= b < 127 and b not in b"\\\"'" else f"\\x{b:02x}" for b in raw).encode()
    yield "all escaped bytes", "".join(f"\\x{b:02x}" for b in raw).encode()
    yield "percent-encoded", quote(raw, safe="").encode()
    yield "percent-encoded to the last", "".join(f"%{b:02X}" for b in raw).encode()
    yield "percent-encoded in small letters", "".join(f"%{b:02x}" for b in raw).encode()
    if isinstance(piece, str):
        for kind in ("utf-16-le", "utf-16-be", "utf-32-le"):
            yield kind.upper(), piece.encode(kind)
        yield "JSON", json.dumps(piece)[1:-1].encode()
        yield "JSON in UTF-8", json.dumps(piece, ensure_ascii=False)[1:-1].encode()
        units = piece.encode("utf-16-be")
        every = [units[at:at + 2].hex() for at in range(0, len(units), 2)]
        yield "JSON, all escaped", "".join(f"\\u{unit}" for unit in every).encode()
        yield "JSON, ALL ESCAPED", "".join(f"\\u{unit.upper()}" for unit in every).encode()
        yield "JSON in JSON", json.dumps(json.dumps(piece)[1:-1])[1:-1].encode()


class Scanner:
    """Looks for any of many values."""

    def __init__(self, values: Iterable[Value]) -> None:
        self.needles: dict[bytes, str] = {}
        for value in values:
            for needle, form in value.needles().items():
                self.needles.setdefault(needle, form)

    def scan(self, places: Iterable[tuple[str, bytes]]) -> list[str]:
        """Each find, with its place."""
        return [
            f"{form} in {place}"
            for place, content in places
            for needle, form in self.needles.items()
            if needle in content
        ]


def files(folder: Path) -> Iterable[tuple[str, bytes]]:
    """The name and the content of each file below a folder; a name could be a value, too."""
    for path in sorted(folder.rglob("*")):
        yield f"the name of {path}", str(path).encode(errors="surrogateescape")
        if path.is_file() and not path.is_socket():
            yield str(path), path.read_bytes()
