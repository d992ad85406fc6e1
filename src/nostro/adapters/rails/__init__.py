"""Over which rail does money leave, and how does it answer?"""
