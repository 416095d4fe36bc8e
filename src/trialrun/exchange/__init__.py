"""How do others get it, and how does theirs come in? One module for each standard."""
