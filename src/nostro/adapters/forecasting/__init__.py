"""Which forecasters come with extras, and are they installed?"""

from nostro.adapters.forecasting.prophet import ProphetModel, prophet_forecasters

__all__ = ["ProphetModel", "prophet_forecasters"]
