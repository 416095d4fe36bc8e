"""What does a person see of a batch of gated samples? One page that needs nothing else."""
