"""Which countries a number may belong to: OpenMarket serves four, and three of them share a country code with others.

Names are those of the regions behind +1, +44 and +61 (ISO 3166 English short names), so that a refusal can say which
country it saw. Source of the four: OpenMarket, "Send an MMS", quick facts ("Available: US, UK, Ireland, Australia").
"""

from dataclasses import dataclass

SERVED: dict[str, str] = {
    "US": "the United States",
    "GB": "the United Kingdom",
    "IE": "Ireland",
    "AU": "Australia",
}

NEIGHBOURS: dict[str, str] = {
    "AG": "Antigua and Barbuda",
    "AI": "Anguilla",
    "AS": "American Samoa",
    "BB": "Barbados",
    "BM": "Bermuda",
    "BS": "the Bahamas",
    "CA": "Canada",
    "CC": "the Cocos Islands",
    "CX": "Christmas Island",
    "DM": "Dominica",
    "DO": "the Dominican Republic",
    "GD": "Grenada",
    "GG": "Guernsey",
    "GU": "Guam",
    "IM": "the Isle of Man",
    "JE": "Jersey",
    "JM": "Jamaica",
    "KN": "Saint Kitts and Nevis",
    "KY": "the Cayman Islands",
    "LC": "Saint Lucia",
    "MP": "the Northern Mariana Islands",
    "MS": "Montserrat",
    "PR": "Puerto Rico",
    "SX": "Sint Maarten",
    "TC": "the Turks and Caicos Islands",
    "TT": "Trinidad and Tobago",
    "VC": "Saint Vincent and the Grenadines",
    "VG": "the British Virgin Islands",
    "VI": "the US Virgin Islands",
}


@dataclass(frozen=True, slots=True)
class KnownNumber:
    """A number that OpenMarket documents although no numbering plan holds it."""

    country: str
    source: str


# They fail ``is_valid_number``; they are sent to as they stand, without a warning.
KNOWN_NUMBERS: dict[str, KnownNumber] = {
    "10000871000": KnownNumber("US", "OpenMarket, Testing Your MMS Integration: reported as Retrieved (1)"),
    "10360871000": KnownNumber("US", "OpenMarket, Testing Your MMS Integration: reported as Deferred (4)"),
    "10340871000": KnownNumber("US", "OpenMarket, Testing Your MMS Integration: reported as Forwarded (5), inferred"),
    "12515550130": KnownNumber("US", "OpenMarket, Send an MMS: destination of the example request"),
    "447700900750": KnownNumber("GB", "OpenMarket, Send an MMS: sample of the field source"),
    "447700900765": KnownNumber("GB", "OpenMarket, Send an MMS: sample of the field destination"),
}


def name_region(region: str) -> str:
    """Name a region for a person; an unlisted one by its code."""
    return SERVED.get(region) or NEIGHBOURS.get(region) or f"the country with the code {region}"
