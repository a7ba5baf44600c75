"""The board's part of the table of routes: whoever may look, and operators who act."""

from __future__ import annotations

from typing import Final

from segwright.accounts.model import Role
from segwright.pages.board import acting, deliveries, inbox, lanes, orders, overview
from segwright.pages.routes import Route

_READ: Final[tuple[Role, ...]] = ("operator", "analyst")
_ACT: Final[tuple[Role, ...]] = ("operator",)
_BOARD: Final = "/o/{org}/board"

ROUTES: Final = (
    Route(
        "GET", _BOARD, "board", overview.page, roles=_READ, title="Operations",
        about="what waits, went out, is in doubt or refused; orders, lanes, quarantine",
    ),
    Route("GET", f"{_BOARD}/now", "board-now", overview.now, roles=_READ, passive=True),
    Route("GET", f"{_BOARD}/live", "board-live", overview.live, roles=_READ, passive=True),
    Route("GET", acting.LIST, "deliveries", deliveries.listed, roles=_READ),
    Route("GET", f"{_BOARD}/suppressed", "suppressed", deliveries.suppressed, roles=_READ),
    Route("GET", acting.DELIVERY, "delivery", deliveries.one, roles=_READ),
    Route("POST", f"{acting.DELIVERY}/open", "delivery-open", deliveries.opened, roles=_ACT),
    Route("GET", f"{_BOARD}/act", "act-look", acting.look, roles=_ACT),
    Route("POST", f"{_BOARD}/act", "act", acting.act, roles=_ACT),
    Route("GET", f"{_BOARD}/proposals", "proposals", acting.waiting, roles=_READ),
    Route("GET", acting.PROPOSAL, "proposal", acting.proposed, roles=_READ),
    Route("POST", f"{acting.PROPOSAL}/agree", "proposal-agree", acting.agree, roles=_ACT),
    Route("POST", f"{acting.PROPOSAL}/refuse", "proposal-refuse", acting.refuse, roles=_ACT),
    Route("GET", f"{_BOARD}/orders", "orders", orders.listed, roles=_READ),
    Route("POST", f"{_BOARD}/orders", "orders-search", orders.searched, roles=_READ),
    Route("GET", orders.ONE, "order", orders.one, roles=_READ),
    Route("POST", f"{orders.ONE}/open", "order-open", orders.opened, roles=_ACT),
    Route("GET", f"{orders.ONE}/cancel", "order-ask-cancel", orders.ask_cancel, roles=_ACT),
    Route("POST", f"{orders.ONE}/cancel", "order-cancel", orders.cancel, roles=_ACT),
    Route("GET", inbox.LIST, "quarantine", inbox.quarantine, roles=_READ),
    Route("GET", inbox.ONE, "message", inbox.one, roles=_READ),
    Route("POST", f"{inbox.ONE}/open", "message-open", inbox.opened, roles=_ACT),
    Route("GET", f"{inbox.ONE}/release", "message-ask-release", inbox.ask_release, roles=_ACT),
    Route("POST", f"{inbox.ONE}/release", "message-release", inbox.release, roles=_ACT),
    Route("GET", f"{inbox.ONE}/discard", "message-ask-discard", inbox.ask_discard, roles=_ACT),
    Route("POST", f"{inbox.ONE}/discard", "message-discard", inbox.discard, roles=_ACT),
    Route("GET", lanes.LIST, "lanes", lanes.listed, roles=_READ),
    Route("GET", f"{lanes.LANE}/pause", "lane-ask-pause", lanes.ask_pause, roles=_ACT),
    Route("POST", f"{lanes.LANE}/pause", "lane-pause", lanes.pause, roles=_ACT),
    Route("GET", f"{lanes.LANE}/resume", "lane-ask-resume", lanes.ask_resume, roles=_ACT),
    Route("POST", f"{lanes.LANE}/resume", "lane-resume", lanes.resume, roles=_ACT),
    Route("GET", f"{lanes.STOPS}/stop", "ask-stop", lanes.ask_stop, roles=_ACT),
    Route("POST", f"{lanes.STOPS}/stop", "stop", lanes.stop, roles=_ACT),
    Route("GET", f"{lanes.STOPS}/allow", "ask-allow", lanes.ask_allow, roles=_ACT),
    Route("POST", f"{lanes.STOPS}/allow", "allow", lanes.allow, roles=_ACT),
    Route("GET", f"{_BOARD}/figures", "figures", lanes.figures, roles=_READ),
)  # fmt: skip
