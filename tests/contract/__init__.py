"""The acceptance cases of the contract as data, for the pure core and for the real worker alike."""
