"""Who owns how much, and which entries prove it?"""
