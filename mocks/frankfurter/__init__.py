"""Simulator of Frankfurter, the free API of central banks' exchange rates, versions 1 and 2."""
