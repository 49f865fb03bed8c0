"""An executable book about Long Short-Term Memory networks, as a package."""
