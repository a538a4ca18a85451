"""What is seen and heard: faces, tracks, alignment and quality, voice, and who they belong to."""
