"""What comes in and what goes out, as pydantic models: they check shapes, and the API's description is made from them.

What a number, a subject or a campaign may be is decided in duties, not here.
"""
