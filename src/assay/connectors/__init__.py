"""One live client a vendor: it reads what that system says, in its documented API, and turns it into our records."""
