"""FCS files, 2.0 to 3.2: read exactly, or refused with the reason; written as 3.1."""
