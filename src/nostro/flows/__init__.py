"""Which story leads from an event in one room to a step in another?"""
