"""A clinical-trial protocol as a program: it runs on people, or on virtual people."""

__version__ = "0.1.0"
