"""The browser's door: pages and an HTTP API over a project."""
