"""Stage 6, send: the OpenMarket client; it may not import other stages, Flask or records.

codes      what each refusal means for the message and for the campaign
answers    one HTTP answer, read into what it proves
failures   what it means for a person that no answer came
endpoints  which data centre next
transfer   one request on one connection: what has left and what came back
gateway    many requests at once, each exactly once
"""
