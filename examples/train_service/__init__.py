"""A small training service, as another team would write it: FastAPI outside, the public API of `helix_tts_policy` inside."""
