"""How does the outside world speak to the platform?"""
