"""The AsyncAPI document: valid, checked in as generated, and true of what is read and written."""
