"""What an outputs file asks for, computed: the parts of the Analysis Results Dataset."""
