"""A large JSON object, member by member and element by element: as a whole it takes six times its file."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

CHUNK = 1 << 20  # bytes that are read at once
_decode = json.JSONDecoder().raw_decode
_BLANKS = " \t\n\r"
_MARK = b"\xef\xbb\xbf"

Element = tuple[Any, int, int]  # a value, and where in the file it begins and ends


def members(chunks: Iterable[bytes]) -> Iterator[tuple[str, Any]]:
    """(key, value) of each member of a JSON object in UTF-8, in the order of the file, repeated ones too.

    A list comes as an iterator over its Elements, to be used up before the next member.  ValueError where the
    chunks are no such object, though not where.
    """
    text = _Text(chunks)
    text.expect("{")
    if text.passes("}"):
        return text.expect_end()
    while True:
        key, _, _ = text.value()
        if not isinstance(key, str):
            raise ValueError("a key that is no text")
        text.expect(":")
        yield key, text.elements() if text.passes("[") else text.value()[0]
        if text.passes("}"):
            return text.expect_end()
        text.expect(",")


def exhaust(value: Any) -> None:
    """Passes over the value of a member, whatever it is."""
    for _ in value if isinstance(value, Iterator) else ():
        pass


class _Text:
    """The text of a file, of which as much is held as the next value needs.

    It is held as Latin-1, a character a byte, so that places in it are places in the file.
    """

    def __init__(self, chunks):
        self._chunks = iter(chunks)
        self._text, self._at, self._start = "", 0, 0  # where in the text we are, where in the file it starts
        self._is_ascii = True
        while len(self._text) < len(_MARK) and self._read():
            pass
        if self._text.startswith(_MARK.decode("latin-1")):
            self._at = len(_MARK)

    def expect(self, character):
        if not self.passes(character):
            raise ValueError(f"no {character!r} where one is due")

    def passes(self, character):
        """Whether `character` comes next, which then is behind us."""
        found = self._next() == character
        self._at += found
        return found

    def expect_end(self):
        if self._next():
            raise ValueError("something after the end")

    def elements(self) -> Iterator[Element]:
        """The Elements of a list, of which the bracket is behind us."""
        if self.passes("]"):
            return
        while True:
            yield self.value()
            if self.passes("]"):
                return
            self.expect(",")

    def value(self) -> Element:
        """The Element that comes next."""
        self._next()
        while True:
            try:
                value, end = _decode(self._text, self._at)
                # Else it may be a number that goes on.
                is_whole = end < len(self._text) and self._text[end] not in ".eE"
            except ValueError:
                is_whole = False
                if not self._read():
                    raise
                continue
            if is_whole or not self._read():
                break
        begin, self._at = self._at, end
        if not self._is_ascii:
            value = json.loads(self._text[begin:end].encode("latin-1"))
        return value, self._start + begin, self._start + end

    def _next(self):
        """The next character that is not blank, "" at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _BLANKS:
                    return self._text[self._at]
                self._at += 1
            if not self._read():
                return ""

    def _read(self):
        """Reads on, as much as there is still to be used, so that a long value is not tried too often."""
        rest = self._text[self._at :]
        read, length = [], 0
        for chunk in self._chunks:
            read.append(chunk)
            length += len(chunk)
            if length >= len(rest):
                break
        if not length:
            return False
        added = b"".join(read)
        self._is_ascii = added.isascii() and (self._is_ascii or rest.isascii())
        self._text, self._start, self._at = rest + added.decode("latin-1"), self._start + self._at, 0
        return True
