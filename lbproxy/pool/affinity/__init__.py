"""
Where does this client belong? What brings clients back to their backends.
"""
