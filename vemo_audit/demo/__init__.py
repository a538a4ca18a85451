"""The embedded default: rendered people with consents, so that the whole road runs anywhere without a human being."""
