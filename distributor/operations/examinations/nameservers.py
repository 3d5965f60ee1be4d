"""DNS: the only door to name servers. A name and a kind of record enter, the records leave as text.

No answer within five seconds, or one that is none (SERVFAIL, REFUSED), is an EnvironmentFault: then nobody can tell.
A name without such a record has none, which is an answer.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import dns.asyncresolver
import dns.exception
import dns.rdata
import dns.rdtypes.ANY.TXT
import dns.resolver

from distributor.errors import EnvironmentFault
from distributor.problems import wording

RecordKind = Literal["A", "AAAA", "MX", "TXT"]
Lookup = Callable[[str, RecordKind], Awaitable[tuple[str, ...]]]
"""Returns the records of a name in text, none where it has none. Raises EnvironmentFault without an answer."""

PATIENCE_SECONDS = 5.0


def name_servers(addresses: Sequence[str] = (), *, port: int = 53, patience: float = PATIENCE_SECONDS) -> Lookup:
    """Return a lookup by these name servers, or by the system's where none is named."""

    async def lookup(name: str, kind: RecordKind) -> tuple[str, ...]:
        try:
            resolver = dns.asyncresolver.Resolver(configure=not addresses)
            if addresses:
                resolver.nameservers = list(addresses)
                resolver.port = port
            answer = await resolver.resolve(name.rstrip(".") + ".", kind, lifetime=patience)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except (dns.exception.DNSException, OSError) as error:
            raise _unanswered(name, error) from error
        return tuple(_text(record) for record in answer)

    return lookup


def _text(record: dns.rdata.Rdata) -> str:
    if isinstance(record, dns.rdtypes.ANY.TXT.TXT):
        # RFC 7208 §3.3, RFC 6376 §3.6.2.2: the strings of one record are joined without a blank.
        return b"".join(record.strings).decode("utf-8", "replace")
    return record.to_text()


def _unanswered(name: str, error: Exception) -> EnvironmentFault:
    reason = " ".join(str(error).split())[:120] or type(error).__name__
    return EnvironmentFault(wording(f"DNS 没有答复 {name}：{reason}", f"no answer from DNS for {name}: {reason}"))
