"""Who trades with us when the book cannot, and how do we know for sure what they did?"""

from nostro.adapters.liquidity.configured import providers_of
from nostro.adapters.liquidity.performer import BEST, ProviderPerformer
from nostro.adapters.liquidity.port import LiquidityProvider

__all__ = ["BEST", "LiquidityProvider", "ProviderPerformer", "providers_of"]
