"""How does a command become durable, exactly once and in order?"""
