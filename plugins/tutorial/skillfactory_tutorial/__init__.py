"""The plugin of the tutorial: docs/tutorial/first-plugin.md."""
