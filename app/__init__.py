"""Postcard: a media-hosting companion for MMS.

The path of a picture: upload -> probe -> fit -> host -> compose -> send -> report. Read ``pipeline.py`` first; it walks
the path in one read. Then the rooms, from the door to the cellar (imports point only downwards):

    __main__     the command line's front door        commands/   one module a command
    wiring       which store, gateway and database stand behind the path
    edge/        HTTP in: API, pages, callbacks       work/       the task queue, pacing, recovery
    sandbox/     an OpenMarket that runs on this machine
    pipeline     THE PATH                             duties/     what each step must keep to
    upload/ 1    receive, count, hash, spool          probe/ 2    what is it really
    fit/    3    budgets over parts                   host/  4    address, store, lease, self-test
    compose/ 5   the OpenMarket MIME message          send/  6    the OpenMarket client
    report/ 7    delivery reports, inbound messages   records/    rows
    confine/     decoders of untrusted bytes, in processes with limits
    limits/      profiles and operators as data       model/      the nouns
    telemetry    settings    errors
"""
