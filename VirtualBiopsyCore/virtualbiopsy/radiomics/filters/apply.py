"""Responses of filters on an image."""
