"""The deadline clock: notices what is due although nobody touches anything."""
