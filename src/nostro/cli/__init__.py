"""What can an operator tell the platform to do?"""
