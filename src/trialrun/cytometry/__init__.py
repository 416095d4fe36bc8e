"""What do the cells say? FCS files → compensated → gated → populations → observations."""
