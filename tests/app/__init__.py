"""What stands around the core: the settings."""
