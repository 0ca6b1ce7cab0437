"""What it means for a person that no answer came: what happened, and what to do. libcurl's own words stay with the attempt.

Its errors are told apart by number (https://curl.se/libcurl/c/libcurl-errors.html), never by their words, which change.
"""

import pycurl

_NETWORK = "Check the network of this machine, its proxy if it has one, and POSTCARD_OPENMARKET_ENDPOINTS."
_TRUST = "Check the clock and the certificates of this machine, and what stands between it and OpenMarket."
_PROXY = "Check the proxy of this machine (HTTPS_PROXY)."

# Nothing had left: what happened, and what to look at.
_NO_CONNECTION: dict[int, tuple[str, str]] = {
    pycurl.E_COULDNT_RESOLVE_PROXY: ("the name of the proxy is not found", _PROXY),
    pycurl.E_COULDNT_RESOLVE_HOST: ("its name is not found", _NETWORK),
    pycurl.E_COULDNT_CONNECT: ("nothing answers at its address", _NETWORK),
    pycurl.E_OPERATION_TIMEDOUT: ("none came about within POSTCARD_OPENMARKET_CONNECT_SECONDS", _NETWORK),
    pycurl.E_SSL_CONNECT_ERROR: ("none came about that is as safe as TLS 1.2", _TRUST),
    pycurl.E_PEER_FAILED_VERIFICATION: ("its certificate is not trusted", _TRUST),
    pycurl.E_SSL_CACERT_BADFILE: ("the trusted certificates cannot be read", _TRUST),
    0: ("it answers before it is asked", _NETWORK),
}
_OTHER = ("it broke off before anything was sent", _NETWORK)

# The request had left, perhaps in part.
_NO_ANSWER: dict[int, str] = {
    pycurl.E_OPERATION_TIMEDOUT: "No answer came within POSTCARD_OPENMARKET_ANSWER_SECONDS.",
    pycurl.E_GOT_NOTHING: "The connection was closed without an answer.",
    pycurl.E_RECV_ERROR: "The connection broke off before an answer came.",
    pycurl.E_SEND_ERROR: "The connection broke off while the message was on its way.",
    pycurl.E_SEND_FAIL_REWIND: "The connection broke off while the message was on its way.",
    pycurl.E_UNSUPPORTED_PROTOCOL: "What came back is no answer in HTTP.",
    pycurl.E_FTP_WEIRD_SERVER_REPLY: "What came back is no answer in HTTP.",
}
_MAYBE_SENT = (
    "It may have been sent: wait for its report, or ask OpenMarket Support with number, time and endpoint, before you send "
    "it again."
)


def explain_no_connection(error: int, proxy_status: int) -> str:
    """Say why a request did not leave.

    Args:
        error: libcurl's number at the last endpoint, 0 = an answer came before anything was asked.
        proxy_status: what a proxy answered when it was asked for a connection, 0 = none was asked.
    """
    what, look_at = _NO_CONNECTION.get(error, _OTHER)
    if proxy_status and not 200 <= proxy_status < 300:
        what, look_at = f"the proxy refuses with status {proxy_status}", _PROXY
    return f"No endpoint takes a connection. The last one: {what}. Nothing was sent. {look_at}"


def explain_no_answer(error: int) -> str:
    """Say why nobody knows what became of a request that left; ``error`` is libcurl's number."""
    return f"{_NO_ANSWER.get(error, 'The connection failed before an answer came.')} {_MAYBE_SENT}"


def explain_broken_answer(http_status: int) -> str:
    """Say that an answer began, and broke off before it proved anything."""
    return f"An answer with status {http_status} began, and broke off. {_MAYBE_SENT}"
