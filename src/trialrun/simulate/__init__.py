"""What might happen? Models, virtual participants and trials, operating characteristics."""
