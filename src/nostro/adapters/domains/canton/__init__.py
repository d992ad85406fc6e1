"""How do securities and cash that live on a Canton ledger take part in settlements?"""
