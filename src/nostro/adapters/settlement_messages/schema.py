"""By which JSON schema can the reader of a message check it?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from nostro.adapters.settlement_messages.messages import MESSAGES, SCHEMA_VERSION
from nostro.settlement import ToldType

SCHEMAS = Path(__file__).with_name("schemas") / f"v{SCHEMA_VERSION}"
"""Where the schemas are, one file for each type of message."""
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_name(type: ToldType) -> str:
    """Return how the file is called."""
    return f"{type}.json"


def schema_of(type: ToldType) -> Mapping[str, Any]:
    """Return the schema of a type of message."""
    (schema,), components = msgspec.json.schema_components(
        [MESSAGES[type]], ref_template="#/$defs/{name}"
    )
    whole = components.pop(schema["$ref"].rpartition("/")[2])
    told = {**whole, "$schema": _DIALECT, "title": str(type), "$defs": components}
    for each in (told, *components.values()):
        each["description"] = " ".join(each["description"].split())
    return told


def write_schemas(directory: Path = SCHEMAS) -> None:
    """Write all schemas; done when one changes, and what it comes to is read with care."""
    directory.mkdir(parents=True, exist_ok=True)
    for each in ToldType:
        told = msgspec.json.encode(schema_of(each), order="sorted")
        (directory / schema_name(each)).write_bytes(msgspec.json.format(told, indent=2) + b"\n")
