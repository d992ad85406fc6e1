"""Which customers bring money in and take it out?"""
