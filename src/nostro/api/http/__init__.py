"""What can be asked for at which address?"""
