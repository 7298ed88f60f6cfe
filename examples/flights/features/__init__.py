"""Everything that is known about a flight before it leaves."""
