"""
TLS, both sides: contexts, verification that fails closed, and transports on the descriptor.
"""
