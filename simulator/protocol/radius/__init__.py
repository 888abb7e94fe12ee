"""RADIUS between the packet gateway of a mobile network and the platform (RFC 2865, 2866, 5176; 3GPP TS 29.061)."""
