"""Models of a treatment and a disease, each named by the study files that use it."""
