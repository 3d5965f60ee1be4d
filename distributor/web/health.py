"""/healthz and /metrics for whoever watches this host: never for readers, never through a proxy.

Enters: a request from this host. Leaves: JSON with a verdict, or counts in Prometheus's text form. A request that came
through a proxy (RFC 7239 Forwarded, X-Forwarded-*, Via) or from another host gets the page for addresses that are
none. Nothing here names a reader; nothing is kept by caches.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from datetime import datetime
from ipaddress import ip_address
from typing import Any, get_args

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from distributor import __version__
from distributor.delivery.model import State
from distributor.errors import DatabaseFault
from distributor.operations.alarms import vitals
from distributor.operations.alarms.vitals import Figures, Pulse
from distributor.operations.office import Office
from distributor.problems import Wording
from distributor.web.edge import PERSONAL_HEADERS, Patience

_FORWARDED = ("forwarded", "via", "x-real-ip")
_STATUS = {"ok": 200, "degraded": 200, "failing": 503}
_MAILING = ("mailing", "issue", "channel")


class Health:
    """Serves both pages for one office; waits for the database only so long."""

    def __init__(self, office: Office, patience: Patience) -> None:
        """Take the office whose house is looked at."""
        self._office = office
        self._patience = patience

    @property
    def routes(self) -> tuple[Route, ...]:
        """The two addresses."""
        return Route("/healthz", _near(self._healthz)), Route("/metrics", _near(self._metrics))

    async def _healthz(self, _request: Request) -> Response:
        try:
            pulse = await self._patience.wait_for(vitals.take_pulse(self._office))
        except DatabaseFault as error:
            trouble = {
                "code": "database",
                "verdict": "failing",
                **_said(Wording(zh=error.text("zh"), en=error.text("en"))),
            }
            return JSONResponse({"status": "failing", "reasons": [trouble]}, 503, PERSONAL_HEADERS)
        return JSONResponse(_pulse_json(pulse), _STATUS[pulse.verdict], PERSONAL_HEADERS)

    async def _metrics(self, _request: Request) -> Response:
        figures = await self._patience.wait_for(vitals.count(self._office))
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Figures(figures))
        ProcessCollector(registry=registry)
        headers = PERSONAL_HEADERS | {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
        return Response(generate_latest(registry), headers=headers)


def is_near(request: Request) -> bool:
    """Say whether a request comes straight from this host."""
    names = [name.lower() for name in request.headers]
    if any(name in _FORWARDED or name.startswith("x-forwarded-") for name in names) or request.client is None:
        return False
    try:
        peer = ip_address(request.client.host)
    except ValueError:
        return False
    mapped = getattr(peer, "ipv4_mapped", None)
    server = request.scope.get("server")
    return (mapped or peer).is_loopback or (server is not None and request.client.host == server[0])


def _near(
    answer: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def serve(request: Request) -> Response:
        if not is_near(request):
            raise HTTPException(404)
        return await answer(request)

    return serve


def _pulse_json(pulse: Pulse) -> dict[str, object]:
    age = None if pulse.last_tick_at is None else round((pulse.at - pulse.last_tick_at).total_seconds())
    return {
        "status": pulse.verdict,
        "reasons": [{"code": one.code, "verdict": one.verdict, **_said(one.what)} for one in pulse.troubles],
        "at": _iso(pulse.at),
        "version": __version__,
        "last_tick_age_seconds": age,
        "slots": {"due": pulse.slots.due, "late": pulse.slots.late, "waiting": pulse.slots.waiting},
        "paused_mailings": [line.mailing.id for line in pulse.paused],
        "disk_free_bytes": pulse.free_bytes,
        "daemons": [
            {
                "host": one.host,
                "pid": one.pid,
                "started_at": _iso(one.started_at),
                "beat_at": _iso(one.beat_at),
                "settings": one.use.settings,
                "settings_at": _iso(one.use.settings_at),
                "refused": [_said(problem) for problem in one.use.refused],
            }
            for one in pulse.daemons
        ],
    }


def _said(what: Wording) -> dict[str, str]:
    return {"zh": what.zh, "en": what.en}


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


class _Figures(Collector):
    """One scrape; units are seconds since 1970, seconds, or bytes, as the names say."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """Yield every family."""
        yield InfoMetricFamily("distributor_build", "The release that runs.", {"version": __version__})
        yield from self._house()
        yield from self._schedule()
        yield from self._mailings()

    def _house(self) -> Iterator[Metric]:
        pulse, known = self._figures.pulse, self._figures.incidents
        yield _gauge("distributor_daemons", "Daemons that beat lately.", len(pulse.daemons))
        yield _gauge("distributor_settings_refused", "1 while edited settings were refused.", bool(pulse.refused))
        if pulse.last_tick_at is not None:
            yield _moment(
                "distributor_last_tick_timestamp_seconds", "The last look at the schedules.", pulse.last_tick_at
            )
        if pulse.free_bytes is not None:
            yield _gauge("distributor_disk_free_bytes", "Free room where the database lies.", pulse.free_bytes)
        open_now = GaugeMetricFamily("distributor_open_incidents", "What needs a person, by cause.", labels=["cause"])
        for cause, number in known.items():
            open_now.add_metric([cause.value], number)
        yield open_now

    def _schedule(self) -> Iterator[Metric]:
        slots = self._figures.pulse.slots
        yield _gauge("distributor_slots_due", "Slots whose time has come and that have not gone.", slots.due)
        yield _gauge("distributor_slots_late", "Of these, slots that should have gone a while ago.", slots.late)
        yield _gauge("distributor_slots_waiting", "Of these, slots that wait for content or approval.", slots.waiting)
        coming = GaugeMetricFamily(
            "distributor_next_slot_timestamp_seconds", "The next moment of a schedule.", labels=["schedule"]
        )
        for schedule, moment in self._figures.next_slots.items():
            coming.add_metric([schedule], moment.timestamp())
        yield coming
        yield _moment(
            "distributor_calendar_end_timestamp_seconds",
            "When the known working days are over.",
            self._figures.calendar_end,
        )

    def _mailings(self) -> Iterator[Metric]:
        figures = self._figures
        yield _gauge("distributor_due_copies", "Copies that may go now.", figures.due_copies)
        oldest, now = figures.oldest_due_at, figures.pulse.at
        age = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
        yield _gauge("distributor_queue_age_seconds", "For how long the first of them has been due.", age)
        yield _gauge("distributor_paused_mailings", "Mailings that are paused.", len(figures.pulse.paused))
        yield from self._copies()

    def _copies(self) -> Iterator[Metric]:
        every = GaugeMetricFamily("distributor_copies", "Copies of the mailings below by state.", labels=["state"])
        planned = GaugeMetricFamily(
            "distributor_mailing_planned_copies", "Copies planned at the launch of a mailing.", labels=_MAILING
        )
        own = GaugeMetricFamily(
            "distributor_mailing_copies",
            "Copies by state, of mailings that go on or were launched within 30 days.",
            labels=[*_MAILING, "state"],
        )
        for state in get_args(State):
            every.add_metric([state], sum(one.copies[state] for one in self._figures.mailings))
        for one in self._figures.mailings:
            named = [str(one.line.mailing.id), one.line.mailing.issue, one.line.mailing.channel]
            planned.add_metric(named, one.line.mailing.planned)
            for state, number in one.copies.items():
                own.add_metric([*named, state], number)
        yield from (every, planned, own)


def _gauge(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, value=float(value))


def _moment(name: str, help_text: str, value: datetime) -> GaugeMetricFamily:
    return _gauge(name, help_text, value.timestamp())
