"""Results that are kept: what was known on a day, analysed and written into a folder, and checked again."""
