"""What a file of weights or audio is by its bytes: one module per format, read by headers, nothing executed or extracted."""
