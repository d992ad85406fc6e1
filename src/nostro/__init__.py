"""Which platform settles trades and payments to finality? Nostro: one package, one ledger."""

__version__ = "0.1.0"
