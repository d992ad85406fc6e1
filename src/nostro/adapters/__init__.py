"""Which technology is plugged into which port?"""
