"""How is it told to others what happened to a settlement: in a webhook, on a topic?"""

from nostro.adapters.settlement_messages.messages import (
    MESSAGES,
    SCHEMA_VERSION,
    Scales,
    encoded,
    facts_in_words,
    message_of,
)
from nostro.adapters.settlement_messages.schema import SCHEMAS, schema_name, schema_of

__all__ = [
    "MESSAGES",
    "SCHEMAS",
    "SCHEMA_VERSION",
    "Scales",
    "encoded",
    "facts_in_words",
    "message_of",
    "schema_name",
    "schema_of",
]
