"""The addresses for programs: they check shapes, call the path, and answer nouns as JSON."""

from apiflask import APIBlueprint

from app.edge.api.assets import blueprint as assets
from app.edge.api.campaigns import blueprint as campaigns
from app.edge.api.messages import blueprint as messages
from app.edge.api.operators import blueprint as operators
from app.edge.api.suppressions import blueprint as suppressions
from app.edge.api.takedowns import blueprint as takedowns
from app.edge.api.uploads import blueprint as uploads

BLUEPRINTS: tuple[APIBlueprint, ...] = (assets, uploads, takedowns, campaigns, messages, suppressions, operators)
