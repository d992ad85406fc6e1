"""What does Nostro promise, sentence by sentence?"""
