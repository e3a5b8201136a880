"""Settings that every test shares."""

from hypothesis import settings

# No deadline per example: a machine that is busy is not a bug. A failing example is printed, to be run again.
settings.register_profile("rollcall", deadline=None, print_blob=True)
settings.load_profile("rollcall")
