"""Review: the page where a person decides what the machine doubts; `application.create_application` makes it."""
