"""Who vouches for callers: issuers of tokens, the development key, and the store of API keys?"""

from nostro.adapters.identity.api_keys import ApiKeyStore, KeyRecord, KeyView
from nostro.adapters.identity.development import DevelopmentKey
from nostro.adapters.identity.jwks import Jwks, PublicKey, read_jwks

__all__ = [
    "ApiKeyStore",
    "DevelopmentKey",
    "Jwks",
    "KeyRecord",
    "KeyView",
    "PublicKey",
    "read_jwks",
]
