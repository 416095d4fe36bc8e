"""One module for each kind of planned figure: the cells of its output, drawn."""
