"""Which ledgers take part in settlements, and how does one speak to each?"""
