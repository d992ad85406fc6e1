"""What fits each port without leaving the process?"""
