"""What decides whether results are right: a plain program that computes them slowly, and comparison with it."""
