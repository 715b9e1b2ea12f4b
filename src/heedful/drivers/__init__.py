"""Which experiences go with who stays, buys again and pays, afterwards: associations."""
