"""Which parts make up this deployment?"""
