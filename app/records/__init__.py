"""Rows: what Postcard remembers. The only room that knows SQLAlchemy; it imports no stage and makes no network call.

database      the engine, transactions, the database's clock       tables   every table
assets        uploads                                             objects  hosted objects and renditions
campaigns     campaigns and their parts                            messages as they stand, with attempts
sending       the mark *sending*, outcomes                        reports  delivery reports
callbacks     reports and inbound messages as they came            jobs     work that is due, locks, pacing
senders       senders and edited operators                         suppressions  numbers that must not be sent to
people        users, tokens, sign-in links                         idempotency  first answers by key
handsets      what numbers told of handset and operator, hashed
takedowns     what may not come back, and what used it              audit    who did what and why
uploads       what goes straight to the store                     forgetting  what is kept for some time only
heartbeats    which workers were seen at work
choices       a form and a cut, as text and JSON                   fittings what is being fitted
migrate       the schema, one head, for SQLite and PostgreSQL
"""
