"""Who we are to an API server: credentials that renew themselves."""
