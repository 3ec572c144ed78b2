"""The adapter to ESPnet, the backup: a child program for an environment of its own, and what runs it as a training lane.

Only ``child.py`` imports espnet2 and torch. It runs by its path in another interpreter, and imports nothing of this package.
"""
