"""The viewer: sieve (which records fit), shelf (the kinds of records and where they lie), server (over loopback), and its page."""
