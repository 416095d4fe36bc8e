"""What do all runs leave behind? SDTM-shaped tables, every row with its source."""
