"""
Whose turn is it? The balancers that come with lbproxy.
"""
