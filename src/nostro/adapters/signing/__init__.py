"""How do members sign with Ed25519, keep their key, and never sign two values for one step?"""
