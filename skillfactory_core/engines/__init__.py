"""The engines that come with the core; each is a plugin like any other."""
