"""Is what the caller sent of the right shape, and if not, what is wrong with all of it?

Decoding stops at the first error, and is fast. Only when it fails is the body read again, member by
member, to name every error at once, each with its JSON pointer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from enum import Enum
from functools import cache
from itertools import islice
from typing import Annotated, Any, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec

from nostro.api.problems import Invalid, ProblemRaised

T = TypeVar("T", bound=msgspec.Struct)

ERRORS_MAX = 100
"""Errors named in one answer; a body with more is not worth reading on."""
QUERY_FIELDS_MAX = 50

_PATH = re.compile(r" - at (`key` in )?`\$(?P<path>[^`]*)`\Z")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`\Z", re.DOTALL)
_WHOLE = re.compile(r"-?[0-9]{1,30}\Z", re.ASCII)
_REGEX = re.compile(r"Expected `str` matching regex '(.*)\\\\Z'\Z")
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_elements = msgspec.json.Decoder(list[msgspec.Raw])


class Shape:
    """Decodes bodies of one struct class; raises ProblemRaised `request.invalid` with every error,
    or `request.malformed_json`."""

    def __init__(self, cls: type[T]) -> None:
        self.cls = cls
        self._decode = msgspec.json.Decoder(cls).decode

    def read(self, body: bytes) -> Any:
        """Return the struct that the body says."""
        try:
            return self._decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._explained(body, error) from None

    def _explained(self, body: bytes, error: Exception) -> ProblemRaised:
        try:
            msgspec.json.decode(body, type=msgspec.Raw)
            errors = list(islice(_within(body, self.cls, ""), ERRORS_MAX))
        except UnicodeDecodeError:
            return ProblemRaised("request.malformed_json", detail="The body is not UTF-8.")
        except RecursionError:
            return ProblemRaised("request.malformed_json", detail="The body is nested too deeply.")
        except msgspec.DecodeError as malformed:
            return ProblemRaised("request.malformed_json", detail=f"{malformed}.")
        return ProblemRaised.invalid(errors or [_invalid(str(error), "")])


def _within(body: bytes | msgspec.Raw, kind: Any, pointer: str) -> Iterator[Invalid]:
    """Yield what is wrong with one value."""
    inner = _struct_in(kind)
    if inner is not None and bytes(body).lstrip()[:1] == b"{":
        yield from _within_object(body, inner, pointer)
        return
    element = _element_of(kind)
    if element is not None and _struct_in(element) and bytes(body).lstrip()[:1] == b"[":
        for index, member in enumerate(_elements.decode(body)):
            yield from _within(member, element, f"{pointer}/{index}")
        # The number of elements is a rule of the list itself.
    try:
        msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        if element is None or not _struct_in(element) or "length" in str(error):
            yield _invalid(str(error), pointer, kind)


def _within_object(body: bytes | msgspec.Raw, cls: type[Any], pointer: str) -> Iterator[Invalid]:
    fields = msgspec.structs.fields(cls)
    names = [field.encode_name for field in fields]
    members = _members.decode(body)
    for name in members.keys() - set(names):
        yield _unknown(name, names, f"{pointer}/{_escaped(name)}")
    for field in fields:
        at = f"{pointer}/{_escaped(field.encode_name)}"
        if field.encode_name in members:
            yield from _within(members[field.encode_name], field.type, at)
        elif field.required:
            yield Invalid(at, "request.missing_field", f"{field.encode_name} is required")


@cache
def _struct_in(kind: Any) -> type[Any] | None:
    """Return the struct class that a type is, or that it is when it is not null."""
    for option in _options(kind):
        if isinstance(option, type) and issubclass(option, msgspec.Struct):
            return option
    return None


@cache
def _element_of(kind: Any) -> Any:
    for option in _options(kind):
        if get_origin(option) is list:
            return get_args(option)[0]
    return None


def _options(kind: Any) -> Sequence[Any]:
    if get_origin(kind) is Annotated:
        return _options(get_args(kind)[0])
    if get_origin(kind) in (None, list, dict):
        return (kind,)
    return [option for part in get_args(kind) for option in _options(part)]


def read_query(query: bytes, cls: type[T]) -> T:
    """Return the query parameters of a URL as the struct; every error is named at once."""
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=QUERY_FIELDS_MAX,
        )
    except ValueError:
        raise ProblemRaised("request.malformed_query") from None
    values: dict[str, str] = {}
    errors: list[Invalid] = []
    for name, value in pairs:
        if name in values:
            errors.append(Invalid(name, "request.repeated_parameter", f"{name} is given twice"))
        values[name] = value
    return _read_values(values, cls, errors)


def read_params(values: Mapping[str, str], cls: type[T]) -> T:
    """Return the path parameters of a URL as the struct; every error is named at once."""
    return _read_values(values, cls, [])


def _read_values(values: Mapping[str, str], cls: type[T], errors: list[Invalid]) -> T:
    fields = msgspec.structs.fields(cls)
    names = [field.encode_name for field in fields]
    errors += [_unknown(name, names, name) for name in values if name not in names]
    read: dict[str, Any] = {}
    for field in fields:
        name = field.encode_name
        if name in values:
            try:
                read[field.name] = _converted(values[name], field.type)
            except msgspec.ValidationError as error:
                errors.append(_invalid(str(error), name, field.type))
        elif field.required:
            errors.append(Invalid(name, "request.missing_parameter", f"{name} is required"))
    if errors:
        raise ProblemRaised.invalid(errors)
    return cls(**read)


def _converted(text: str, kind: Any) -> Any:
    """Return a parameter as what it must be: a word, a moment, or a whole number in digits."""
    try:
        return msgspec.convert(text, kind)
    except msgspec.ValidationError:
        if not _WHOLE.match(text):
            raise
    return msgspec.convert(int(text), kind)


def _invalid(message: str, pointer: str, kind: Any = None) -> Invalid:
    """Return what the decoder complained of; `pointer` is where the value that it read stands, and
    `kind` what it should have been."""
    found = _PATH.search(message)
    path = found["path"] if found else ""
    said = _REGEX.sub(_must_match, _PATH.sub("", message))
    words = _words_of(kind)
    if words and not path:
        said = f"{said}: must be one of {', '.join(words)}"
    return Invalid(pointer + _pointer(path), "request.bad_value", said)


def _must_match(hit: re.Match[str]) -> str:
    pattern = hit[1].replace("\\\\", "\\")
    return f"must match {pattern}$"


def _words_of(kind: Any) -> Sequence[str]:
    """Return the words that a value may be, where it is one of a few."""
    for option in _options(kind):
        if isinstance(option, type) and issubclass(option, Enum):
            return [str(word.value) for word in option]
    return ()


def _unknown(name: str, names: Sequence[str], pointer: str) -> Invalid:
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
    return Invalid(pointer, "request.unknown_field", f"{name[:64]} is not known: {hint}")


def _pointer(path: str) -> str:
    """Turn `.transfers[3].id` into `/transfers/3/id` (RFC 6901)."""
    return re.sub(r"\.|\[(\d+|\.\.\.)\]", lambda hit: "/" + (hit[1] or ""), path)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
