"""What may happen next? From a protocol and what is known: states, due acts, permissions, decisions."""
