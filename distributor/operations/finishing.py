"""When the last copy leaves under all that holds copies back: the limits of every server and of every destination.

Enters: copies by recipient domain, and what was taken by the permits in the database. Leaves: a `Forecast`. It only
reads.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.delivery import pacing
from distributor.delivery.forecast import Forecast, Gate, Load, forecast
from distributor.delivery.limits import Destination
from distributor.delivery.pacing import Rate
from distributor.operations.workspace import Workspace


async def forecast_copies(
    connection: AsyncConnection, workspace: Workspace, copies: Mapping[str, int], start: datetime
) -> Forecast | None:
    """Forecast so many copies to each domain by all servers; None where there are none or no rate holds them back."""
    destinations: dict[Destination, int] = {}
    for domain, number in copies.items():
        destination = workspace.destinations.of(domain)
        destinations[destination] = destinations.get(destination, 0) + number
    limited = any(destination.rates for destination in destinations) or any(workspace.rates)
    if not limited or not sum(copies.values()):
        return None
    now = workspace.clock.now()
    servers = [
        await _gate(connection, f"server:{server.name}", server.name, rates, now)
        for server, rates in zip(workspace.servers, workspace.rates, strict=True)
    ]
    loads = [
        Load(destination=await _gate(connection, one.scope, one.name, one.rates, now), copies=number)
        for one, number in destinations.items()
    ]
    return forecast(servers, loads, start=start)


async def _gate(connection: AsyncConnection, scope: str, name: str, rates: tuple[Rate, ...], now: datetime) -> Gate:
    taken = await pacing.recent(connection, scope, rates, now=now) if rates else ()
    return Gate(name=name, rates=rates, taken=taken)
