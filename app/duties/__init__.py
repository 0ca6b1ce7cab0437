"""What the path must keep to at each step: the duties behind the guarantees. Below pipeline, above the stages.

postcard     what the path works with: database, store, gateway, queue, decoders
recipients   who can be sent to, by which sender, within which profile; the live lock
media        a rendition for each budget and choice, hosted once
choices      what can be made of an asset, and what would fit instead
limit_words  who takes messages of a length, and why recipients get theirs
fitting      how far it is, how it is stopped, and the asset's state after it
campaigns    orders, checked whole; pause, resume, cancel, resend
plan         the message of a campaign for each profile and sender, whole and within its limit
leases       nothing linked may die too early; restored from its original when it did
preview      the dry run
callbacks    what OpenMarket posted, worked on   intake   made durable in groups before it is answered
inbound      what a handset sent us            replies  answers to STOP and HELP
shown        parts of inbound messages as they may be shown
handsets     what reports and inbound messages tell of a handset
unknown      what a person should know about unknown messages
ledger       what became of each attempt, written down
claims       the mark *sending*, group after group, and when a campaign must pause
pacing       when each message may start       recent   what started in the last second, in this process
takedown     gone at once and never to come back, for emergencies
reconcile    rows and bucket compared, once a day   forgetting  what is old, once a day
uploads      straight to the store, in signed pieces
removal      what may be deleted, and deleting it
"""
