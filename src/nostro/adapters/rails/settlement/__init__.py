"""Over which rails do banks settle with us, and how do those rails answer?"""
