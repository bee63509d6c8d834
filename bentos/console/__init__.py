"""The console: pages for people over the same actions as the commands and the HTTP routes.

A folder is one subject's page; `frame` holds what all of them share and finds them.
"""
