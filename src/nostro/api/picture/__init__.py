"""How do markets, books and open orders durably stand, without asking anybody?"""

from nostro.api.picture.fold import OWN_ACCOUNTS, Picture
from nostro.api.picture.halves import Half, ShownOrder
from nostro.api.picture.heard import Heard, OwnFunds
from nostro.api.picture.market import MarketPicture, Printed

__all__ = [
    "OWN_ACCOUNTS",
    "Half",
    "Heard",
    "MarketPicture",
    "OwnFunds",
    "Picture",
    "Printed",
    "ShownOrder",
]
