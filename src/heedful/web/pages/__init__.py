"""One module a page; each brings a `router`, and is found by its being here."""
