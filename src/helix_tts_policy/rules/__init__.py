"""What can be wrong: small generators over facts, listed in the literal tables of `registry`."""
