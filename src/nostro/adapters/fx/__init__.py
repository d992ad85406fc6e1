"""At which rates do currencies exchange today, or on a day of the past?"""

from nostro.adapters.fx.ecb import EcbHistory
from nostro.adapters.fx.http import HttpRates
from nostro.adapters.fx.port import RateSource
from nostro.adapters.fx.static import FileRates

__all__ = ["EcbHistory", "FileRates", "HttpRates", "RateSource"]
