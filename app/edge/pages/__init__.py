"""The pages for people: made on the server, moved along by htmx and one small script each. Words are the API's."""

from flask import Blueprint

from app.edge.pages.campaigns import blueprint as campaigns
from app.edge.pages.inbound import blueprint as inbound
from app.edge.pages.library import blueprint as library
from app.edge.pages.send import blueprint as send
from app.edge.pages.settings import blueprint as settings
from app.edge.pages.sign_in import blueprint as sign_in
from app.edge.pages.words import install as install_pages

PAGES: tuple[Blueprint, ...] = (sign_in, send, library, campaigns, inbound, settings)

__all__ = ["PAGES", "install_pages"]
