"""How does the platform live on PostgreSQL?"""
