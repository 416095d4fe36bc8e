"""How many participants, and when to stop: designs, with what they do at each true rate.

Small trials are designed by their operating characteristics. These are exact here, by recursion over
participants or looks, unless a result says that it was simulated.
"""
