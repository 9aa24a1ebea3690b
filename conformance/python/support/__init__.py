"""What the emulator suite and the gateway suite share."""
