"""What does `nostro demo` do, act by act, and how does it prove that the books are right?

It knows the platform as its customers do: by its public HTTP API. What the books must say it keeps
itself (`ownbooks`), and of the platform's code it uses only the auditor behind `nostro verify`.
"""
