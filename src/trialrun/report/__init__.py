"""What do people read? Tables, figures and the study report, from results and tables."""
