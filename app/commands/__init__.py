"""The commands, one module each; every error that we raise on purpose becomes a sentence, never a traceback.

local     what `postcard run` remembers in the data folder, so that other commands find it
run       everything on this machine        serve    web, worker, migrate      sandbox  an OpenMarket
send      one picture from the shell        people   tokens, users, sign-in links
bucket    the bucket as it should be        check    is everything as OpenMarket needs it
verify/   what the account's endpoint really answers, rule by rule, written down
"""
