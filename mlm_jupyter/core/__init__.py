"""Pure values and functions of values: no file, clock, random source, environment or logger is touched here."""
