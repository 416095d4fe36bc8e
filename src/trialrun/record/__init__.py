"""What happened to people? The Django store, people and rights, commands, projections."""
