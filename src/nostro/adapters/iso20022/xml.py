"""Is what came an XML message that is safe to read, and how is a message read and written?

Before the library sees a document, a parser that builds nothing goes through it and refuses what a
payment message never has: a document type (so no entities, and no billion laughs), processing
instructions, deep nesting, too many elements. Nothing is ever fetched.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from functools import cache
from importlib import import_module
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any, NoReturn
from xml.parsers import expat

from nostro.adapters.iso20022.facets import faults_of
from nostro.kernel.messages import Rejection

BYTES_MAX = 8_000_000
"""As long as any body at the door."""
DEPTH_MAX = 32
"""Nesting of elements; the deepest message that we know has 14."""
ELEMENTS_MAX = 500_000
"""Elements of a message: 10,000 transfers of 50 each."""
ATTRIBUTES_MAX = 16
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
_ROOT = re.compile(re.escape(NAMESPACE) + r"([a-z]{4}\.\d{3}\.\d{3}\.\d{2})\}Document\Z")


class MessageRefused(Rejection, ValueError):
    """A message that cannot be taken as a whole: a code of ours and the facts; nothing of it was
    done."""


def message_name(data: bytes) -> str:
    """Return which message a document is (`pacs.008.001.08`), once it is safe to read.

    Raises MessageRefused `iso20022.too_large`, `.not_allowed`, `.malformed` or `.unknown_message`.
    """
    if len(data) > BYTES_MAX:
        raise MessageRefused("iso20022.too_large", bytes_max=BYTES_MAX)
    guard = _Guard()
    try:
        guard.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise MessageRefused(
            "iso20022.malformed", why=expat.ErrorString(error.code), line=error.lineno
        ) from None
    except (ValueError, LookupError) as error:
        if isinstance(error, MessageRefused):
            raise
        raise MessageRefused("iso20022.malformed", why=str(error)[:200]) from None
    found = _ROOT.search("{" + guard.root)
    if found is None:
        raise MessageRefused("iso20022.unknown_message", root=guard.root[:200])
    return found[1]


class _Guard:
    """Looks at every element of a document and keeps none."""

    def __init__(self) -> None:
        self.root = ""
        self._depth = 0
        self._elements = 0
        self.parser = parser = expat.ParserCreate(namespace_separator="}")
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._entity
        parser.ProcessingInstructionHandler = self._instruction
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end

    def _doctype(self, *_: object) -> NoReturn:
        raise MessageRefused("iso20022.not_allowed", what="a document type")

    def _entity(self, *_: object) -> NoReturn:
        raise MessageRefused("iso20022.not_allowed", what="an entity")

    def _instruction(self, *_: object) -> NoReturn:
        raise MessageRefused("iso20022.not_allowed", what="a processing instruction")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._elements:
            self.root = name
        self._elements += 1
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise MessageRefused("iso20022.not_allowed", what=f"more than {DEPTH_MAX} levels")
        if self._elements > ELEMENTS_MAX:
            raise MessageRefused("iso20022.not_allowed", what=f"more than {ELEMENTS_MAX} elements")
        if len(attributes) > ATTRIBUTES_MAX:
            raise MessageRefused(
                "iso20022.not_allowed", what=f"more than {ATTRIBUTES_MAX} attributes"
            )

    def _end(self, name: str) -> None:
        self._depth -= 1


@cache
def library(name: str) -> Any:
    """Return the library's module of a message; raises MessageRefused `iso20022.unavailable` when
    it is not installed whole."""
    area, rest = name.split(".", 1)
    module = f"{area}_{rest.replace('.', '_')}"
    try:
        if area in _OF_SECURITIES:
            return _Securities(_lean(f"{_SECURITIES}.{area}", f"{module}.models"), name)
        return import_module(f"pyiso20022.{area}.{module}")
    except ImportError as error:
        raise MessageRefused("iso20022.unavailable", why=str(error)) from error


_OF_SECURITIES = frozenset(("sese", "semt"))
_SECURITIES = "python_iso20022"
"""The library of securities messages, which the other one does not have."""


def _lean(area: str, module: str) -> ModuleType:
    """Return one module of an area. The area's own module would bring all sixty messages with it:
    three seconds and 50 MB, for one of each."""
    if area not in sys.modules:
        spec = PathFinder.find_spec(area, import_module(_SECURITIES).__path__)
        if spec is None or spec.submodule_search_locations is None:
            raise ImportError(f"there is no {area}")
        bare = ModuleType(area)
        bare.__path__ = list(spec.submodule_search_locations)
        sys.modules[area] = bare
    return import_module(f"{area}.{module}")


class _Securities:
    """A message of securities as the other library's modules are: with a Document."""

    def __init__(self, module: ModuleType, name: str) -> None:
        area, *numbers = name.split(".")
        root = getattr(module, f"{area.title()}{''.join(numbers)}")
        (body,) = dataclasses.fields(root)
        told = dataclasses.field(default=None, metadata=dict(body.metadata))
        meta = type("Meta", (), {"name": "Document", "namespace": f"{NAMESPACE}{name}"})
        self.Document = dataclasses.make_dataclass(
            "Document", [(body.name, body.type, told)], namespace={"Meta": meta}
        )


def read(data: bytes, name: str) -> Any:
    """Return the library's Document of a message that `message_name` has let pass.

    Raises MessageRefused `iso20022.not_schematic` with everything that the schema forbids.
    """
    module = library(name)
    from xsdata.exceptions import ConverterError, ParserError
    from xsdata.formats.dataclass.parsers import XmlParser
    from xsdata.formats.dataclass.parsers.config import ParserConfig
    from xsdata.formats.dataclass.parsers.handlers import XmlEventHandler

    strict = ParserConfig(
        fail_on_unknown_properties=True,
        fail_on_unknown_attributes=False,  # xsi:schemaLocation is not in the schema
        fail_on_converter_warnings=True,
    )
    parser = XmlParser(config=strict, context=_context(), handler=XmlEventHandler)
    try:
        document = parser.from_bytes(data, module.Document)
    except (ParserError, ConverterError, TypeError, ValueError, ArithmeticError) as error:
        raise MessageRefused("iso20022.not_schematic", message=name, why=[_short(error)]) from None
    _refuse_faults(document, name)
    return document


def write(document: Any, name: str) -> bytes:
    """Return a Document of the library as XML; it is checked against the schema's rules first.

    Raises MessageRefused `iso20022.not_expressible` when what is to be told does not fit them.
    """
    from xsdata.formats.dataclass.serializers import XmlSerializer

    faults = faults_of(document)
    if faults:
        raise MessageRefused("iso20022.not_expressible", message=name, why=faults)
    text: str = XmlSerializer(context=_context()).render(
        document, ns_map={None: f"{NAMESPACE}{name}"}
    )
    return text.encode()


def _refuse_faults(document: Any, name: str) -> None:
    faults = faults_of(document)
    if faults:
        raise MessageRefused("iso20022.not_schematic", message=name, why=faults)


@cache
def _context() -> Any:
    """Return what the library learnt of its classes, shared: learning takes longer than reading."""
    from xsdata.formats.dataclass.context import XmlContext

    return XmlContext()


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
