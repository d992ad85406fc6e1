"""How do trades to be settled come in by a topic, and how is it told what became of them?"""
