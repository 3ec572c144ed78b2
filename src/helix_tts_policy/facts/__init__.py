"""What each input says, never whether it is good: records, and the readers that make them from bytes."""
