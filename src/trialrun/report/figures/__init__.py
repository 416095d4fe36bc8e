"""One module per figure; each gives the drawing, its description and the numbers behind it."""
