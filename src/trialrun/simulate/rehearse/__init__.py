"""Rehearsal: adversarial and random participants walk through a study until nothing new is reached."""
