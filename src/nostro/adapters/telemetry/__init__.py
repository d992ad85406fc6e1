"""How does the platform tell of itself?"""
