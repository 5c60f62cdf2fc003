"""The browser front end."""
