"""The nouns: frozen dataclasses and protocols, no I/O.

media      asset, facts, budget, profile, operator, rendition, hosted object
messages   part, campaign, message, attempt, report, sender
status     the state machine of messages and campaigns
ports      what the path asks of the outside: Store, Gateway, Queue, Clock
ids        how ids are made
"""
