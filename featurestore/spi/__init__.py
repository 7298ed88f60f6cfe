"""What a provider implements, and how providers are found."""
