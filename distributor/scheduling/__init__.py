"""When it goes: rules to slots, working days, and the occurrence rows that drive a send."""
