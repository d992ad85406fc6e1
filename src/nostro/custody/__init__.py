"""What is earmarked at this ledger for which settlement, and what became of it?"""
