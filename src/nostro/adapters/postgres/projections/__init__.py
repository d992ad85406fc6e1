"""Which rows does each room's views have, and how does an event change them?"""
