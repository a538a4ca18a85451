"""The sections of an audit's page, one file each: run in, section out."""
