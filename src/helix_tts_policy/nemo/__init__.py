"""The adapter to NeMo: programs that the supervisor starts as children. Only these import nemo, torch and lightning."""
