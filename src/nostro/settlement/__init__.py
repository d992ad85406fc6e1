"""What is to be delivered against which payment, when, and where does each stand?"""
