"""The board of operations in a browser: an operator finds what is wrong, sees why, and does something about it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.pages.browser import look, source
from tests.pages.people import ORG
from tests.pages.ward import NAME, Ward

BOARD = f"/o/{ORG}/board"


@pytest.fixture
def ward(people):
    made = Ward(people)
    made.calm()
    yield made
    made.calm()


def test_the_overview_shows_what_stands_and_what_needs_a_person_live(ward, visit):
    ward.rejected()
    page = visit(ward.people, f"operator.{ORG}", BOARD)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    rejected = page.get_by_role("link", name="rejected, outbound")
    before = int(rejected.inner_text())
    ward.rejected()
    expect(rejected).to_have_text(str(before + 1))
    look(page, "board-overview")
    page.get_by_role("link", name="rejected, outbound").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Deliveries")
    expect(page.locator("tbody tr")).to_have_count(before + 1)
    look(page, "board-deliveries")


def test_what_happens_before_a_browser_listens_is_shown_too(ward, visit):
    late = ward.rejected()[1]
    page = visit(ward.people, f"operator.{ORG}", BOARD)
    rejected = page.get_by_role("link", name="rejected, outbound")
    before = int(rejected.inner_text())
    more: list[int] = []

    def listens(route):
        if not more:
            more.append(ward.rejected()[1])
        route.continue_()

    page.route("**/board/live?*", listens)
    page.goto(ward.people.server.url + BOARD)
    expect(rejected).to_have_text(str(before + 1))
    page.unroute("**/board/live?*")
    page.route("**/board/live?*", lambda route: (ward.give_up(late), route.continue_()))
    page.goto(f"{ward.people.server.url}{BOARD}/deliveries/{late}")
    expect(page.get_by_role("link", name="Something changed: show it")).to_be_visible()


def test_the_board_works_without_scripts(ward, browser):
    ward.rejected()
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(
        [{"name": "segwright", "value": ward.people.token(f"operator.{ORG}"), "url": ward.people.server.url}]
    )
    page = context.new_page()
    page.goto(ward.people.server.url + BOARD)
    expect(page.get_by_text("reload for newer figures")).to_be_visible()
    page.get_by_role("link", name="rejected, outbound").click()
    page.locator("tbody th a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rejected")
    page.get_by_role("button", name="Show the patient's data").click()
    expect(page.get_by_text("That you looked at it is written down.")).to_be_visible()
    context.close()


def test_a_rejection_is_shown_at_its_field_with_its_line_and_the_patient_only_when_opened(ward, visit):
    _, delivery = ward.rejected(JUNIPER=NAME)
    page = visit(ward.people, f"operator.{ORG}", f"{BOARD}/deliveries/{delivery}")
    refusal = page.get_by_role("region", name="What the hospital says against it")
    expect(refusal).to_contain_text("Required field missing (101) at PID-5")
    expect(refusal).to_contain_text("Written at mappings/shared/parts.seg:33")
    wrong = page.locator(".wrong-field")
    expect(wrong).to_contain_text("Patient Name")
    expect(wrong).to_contain_text("hidden")
    assert NAME not in source(page)
    look(page, "board-delivery")
    page.get_by_role("button", name="Show the patient's data").click()
    expect(page.locator(".wrong-field")).to_contain_text(NAME)
    look(page, "board-delivery-opened")
    seen = [event for event in ward.people.events(ORG, "viewed") if event["delivery"] == delivery]
    assert [(event["actor"], event["page"]) for event in seen] == [(f"operator.{ORG}", "delivery-open")]
    page.get_by_role("link", name="Hide the patient's data").click()
    expect(page.locator(".wrong-field")).to_contain_text("hidden")


def test_a_rejected_message_is_sent_again_after_a_look_and_a_reason(ward, visit):
    _, delivery = ward.rejected()
    page = visit(ward.people, f"operator.{ORG}", f"{BOARD}/deliveries/{delivery}", expect_errors=True)
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Send again: 1 delivery?")
    expect(page.locator("tbody")).to_contain_text("it would be done")
    look(page, "board-act")
    page.get_by_label("Reason").fill("mended at the hospital")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("status").first).to_have_text("It is sent again.")
    ward.until(delivery, "accepted", "confirmed")
    page.goto(f"{ward.people.server.url}{BOARD}/deliveries/{delivery}")
    expect(page.get_by_role("region", name="What happened")).to_contain_text(f"resent by operator.{ORG}")
    expect(page.get_by_role("region", name="What happened")).to_contain_text("mended at the hospital")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("1 of 1 was taken by the hospital already.")).to_be_visible()
    page.get_by_label("Reason").fill("they lost it")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("Some were taken already: tick this")).to_be_visible()
    look(page, "board-act-taken")
    page.get_by_label("As a new message").check()
    filed = len(ward.hospital.filed)
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("status").first).to_have_text("It is sent again.")
    ward.until(delivery, "accepted", "confirmed")
    assert len(ward.hospital.filed) == filed + 1


def test_a_list_is_worked_off_by_ticking(ward, visit):
    chosen = [ward.rejected()[1], ward.rejected()[1]]
    page = visit(ward.people, f"operator.{ORG}", f"{BOARD}/deliveries?state=rejected")
    for delivery in chosen:
        page.get_by_label(f"Choose delivery {delivery}", exact=True).check()
    page.get_by_role("button", name="Give up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Give up: 2 deliveries?")
    page.get_by_label("Reason").fill("not wanted any more")
    page.get_by_role("button", name="Give up (2)").click()
    expect(page.get_by_role("status").first).to_have_text("It is given up.")
    assert [ward.state(delivery) for delivery in chosen] == ["void", "void"]


def test_an_uncertain_message_is_decided_about(ward, visit):
    order = ward.order()
    for one in ward.deliveries(order):
        ward.until(one["id"], "accepted", "confirmed")
    ward.hospital.silent = True
    delivery = ward.until(ward.result(order), "uncertain")
    page = visit(ward.people, f"operator.{ORG}", f"{BOARD}/deliveries/{delivery}", expect_errors=True)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sent or not?")
    page.get_by_role("button", name="Decide").click()
    look(page, "board-decide")
    for _ in range(5):  # it is tried again in the meantime: then nothing is done, and it is shown anew
        page.get_by_label("It was delivered").check()
        page.get_by_label("Reason").fill("it is in their chart")
        page.get_by_role("button", name="Decide").click()
        page.wait_for_load_state()
        if "said=" in page.url:
            break
    expect(page.get_by_role("status").first).to_have_text("Your decision is kept.")
    assert ward.state(delivery) == "accepted"


def test_an_order_is_found_by_any_number_and_no_number_stands_in_a_url(ward, visit):
    number = f"{id(ward) % 10**8:08}"
    order = ward.order(**{"||00417733^": f"||{number}^"}, JUNIPER=NAME)
    delivery = ward.result(order)
    ward.until(delivery, "accepted", "confirmed")
    build = ward.people.store.read(lambda tx: _control_id(tx, delivery))
    page = visit(ward.people, f"operator.{ORG}", f"{BOARD}/orders")
    look(page, "board-orders")
    placer = f"LV-700101-{order['number']}"
    for text in (
        placer,
        f"{placer}^LVMCEHR",
        f"R-{ORG}-{order['number']}",
        f"ST-{ORG}-{order['number']}",
        f" {number} ",
    ):
        _searched(page, text)
        expect(page.get_by_role("link", name=placer).first).to_be_visible()
        assert page.url == f"{ward.people.server.url}{BOARD}/orders"
    look(page, "board-found")
    assert NAME not in source(page)
    _searched(page, build)
    expect(page.get_by_role("table", name="Deliveries sent under the control id")).to_contain_text(str(delivery))
    _searched(page, order["control_id"])
    expect(page.get_by_role("link", name=placer).first).to_be_visible()
    page.get_by_role("link", name=placer).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Order {order['id']}")
    assert NAME not in source(page)
    look(page, "board-order")
    page.get_by_role("button", name="Show the patient's data").click()
    expect(page.get_by_role("region", name="What was ordered, and for whom")).to_contain_text(NAME)
    look(page, "board-order-opened")
    page.goto(f"{ward.people.server.url}{BOARD}/orders")
    _searched(page, "nothing goes by this")
    expect(page.get_by_text("Nothing goes by this number here")).to_be_visible()


def _searched(page: Page, text: str) -> None:
    """Searches, and waits until the page has its answer: what is typed before that would go with the old form."""
    box = page.get_by_label("Search by any number")
    box.fill(text)
    box.evaluate("box => box.dataset.before = 'yes'")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("[data-before]")).to_have_count(0)


def _control_id(tx, delivery):
    import sqlalchemy as sa

    from segwright.ledger import tables as t

    return tx.scalar(sa.select(t.build.c.control_id).where(t.build.c.delivery_id == delivery))


def test_an_order_is_ended_without_a_result(ward, visit):
    order = ward.order()
    page = visit(ward.people, f"operator.{ORG}", f"{BOARD}/orders/{order['id']}")
    page.get_by_role("link", name="End it without a result").click()
    page.get_by_label("Reason").fill("the patient left")
    look(page, "board-ask")
    page.get_by_role("button", name="End the order").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Cancelled")


def test_a_message_in_quarantine_shows_where_reading_ends_and_is_decided_about(ward, visit):
    message = ward.quarantined(JUNIPER=NAME)
    page = visit(ward.people, f"operator.{ORG}", f"{BOARD}/quarantine")
    look(page, "board-quarantine")
    page.get_by_role("link", name=str(message), exact=True).click()
    expect(page.get_by_text("It cannot be read: byte ")).to_be_visible()
    expect(page.locator("mark")).to_contain_text("FF")
    expect(page.get_by_text("it would still be refused")).to_be_visible()
    assert NAME not in source(page)
    look(page, "board-message")
    page.get_by_role("button", name="Show the patient's data").click()
    assert NAME in source(page)
    look(page, "board-message-opened")
    seen = [event for event in ward.people.events(ORG, "viewed") if event.get("inbox") == message]
    assert [event["actor"] for event in seen] == [f"operator.{ORG}"]
    page.get_by_role("link", name="Leave it undone").click()
    page.get_by_label("Reason").fill("their test message")
    page.get_by_role("button", name="Leave it undone").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Refused")


def test_a_lane_is_paused_and_goes_on_and_a_kind_is_stopped_and_allowed(ward, visit):
    ward.order()
    page = visit(ward.people, f"operator.{ORG}", f"{BOARD}/lanes")
    page.get_by_role("link", name="Pause").click()
    page.get_by_label("Reason").fill("their upgrade")
    page.get_by_role("button", name="Pause the lane").click()
    try:
        expect(page.get_by_text("Paused", exact=True).first).to_be_visible()
        expect(page.get_by_text(f"operator.{ORG}: their upgrade")).to_be_visible()
        page.get_by_label("Stop a kind of message").select_option("ecg_result/preliminary")
        page.get_by_role("button", name="Stop…").click()
        page.get_by_label("Reason").fill("wrong reference ranges")
        page.get_by_role("button", name="Stop it").click()
        expect(page.get_by_role("table", name="What is stopped")).to_contain_text("ecg_result/preliminary")
        look(page, "board-lanes")
        page.get_by_role("link", name="Allow ecg_result/preliminary").click()
        page.get_by_label("Reason").fill("mended")
        page.get_by_role("button", name="Allow it").click()
        expect(page.get_by_text("Nothing is stopped")).to_be_visible()
    finally:
        page.goto(f"{ward.people.server.url}{BOARD}/lanes")
        page.get_by_role("link", name="Resume").click()
        page.get_by_label("Reason").fill("done")
        page.get_by_role("button", name="Let it go on").click()
    expect(page.get_by_role("status").first).to_have_text("The lane goes on.")


def test_figures_are_drawn_and_told_in_a_table(ward, visit):
    order = ward.order()
    ward.until(ward.deliveries(order)[0]["id"], "accepted", "confirmed")
    page = visit(ward.people, f"analyst.{ORG}", f"{BOARD}/figures")
    expect(page.get_by_role("img", name="delivered in 24 hours")).to_be_visible()
    page.get_by_text("The same as a table").click()
    expect(page.get_by_role("table", name="Figures by the hour").locator("tbody tr")).to_have_count(24)
    look(page, "board-figures")
    page.get_by_label("Over").select_option("month")
    page.get_by_role("button", name="Show").click()
    page.get_by_text("The same as a table").click()
    expect(page.get_by_role("table", name="Figures by the day").locator("tbody tr")).to_have_count(30)
    look(page, "board-figures-month")


def test_an_analyst_sees_everything_masked_and_can_do_nothing(ward, visit):
    order, delivery = ward.rejected(JUNIPER=NAME)
    page = visit(ward.people, f"analyst.{ORG}", f"{BOARD}/deliveries/{delivery}")
    expect(page.get_by_text("Values are hidden; operators may show them.")).to_be_visible()
    expect(page.get_by_role("button", name="Show the patient's data")).to_have_count(0)
    expect(page.get_by_role("button", name="Send again")).to_have_count(0)
    page.goto(f"{ward.people.server.url}{BOARD}/deliveries")
    expect(page.get_by_role("checkbox", name=f"Choose delivery {delivery}")).to_have_count(0)
    assert NAME not in source(page)
    page.goto(f"{ward.people.server.url}{BOARD}/orders/{order['id']}")
    expect(page.get_by_role("button", name="Show the patient's data")).to_have_count(0)
