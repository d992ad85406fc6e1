"""Do the invariants hold in bad weather?"""
