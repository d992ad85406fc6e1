"""How do the settlement members live: their actors, their files, and how a batch reaches them?"""
