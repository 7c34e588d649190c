"""One study being driven: asking, telling, the log's events, and going on after an end."""
