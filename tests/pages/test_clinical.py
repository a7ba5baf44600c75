"""The clinical path in a browser, from order to filed result, on both databases; pictures of each page, and no serious finding of axe."""

from __future__ import annotations

import contextlib
import re

import pytest
from playwright.sync_api import Page, Route, TimeoutError, expect

from tests.pages import studies
from tests.pages.browser import PATIENCE, look, requests
from tests.pages.studies import path
from tests.web.servers import eventually

FILED = re.compile("Filed by the hospital|Taken by the hospital")
"""Some hospitals acknowledge that they have filed a message, some only that they have it."""


def segments(message: bytes, name: bytes) -> list[list[bytes]]:
    """The fields of each segment of a name, the name first."""
    return [line.split(b"|") for line in message.split(b"\r") if line.startswith(name + b"|")]


def names(message: bytes) -> list[bytes]:
    return [line[:3] for line in message.split(b"\r") if line]


def filed(
    people, org: str, about: str, *, door: str = "outbound", type_: bytes = b"ORU", status: bytes = b"F"
) -> bytes:
    """The message that the simulated hospital filed about an order; OBR-25 tells which of them."""

    def found() -> bytes | None:
        for message in people.server.hospitals[org, door].filed:
            if about.encode() in message and b"|" + type_ in message.split(b"\r")[0]:
                results = segments(message, b"OBR")
                if type_ != b"ORU" or (results and results[0][25] == status):
                    return bytes(message)
        return None

    message = eventually(found)
    assert isinstance(message, bytes)
    return message


def finds(page: Page, code: str) -> None:
    """Types a code until it is found: on a busy machine a browser was seen not to ask, and a person types again."""
    hit = page.locator(".hits .code").filter(has_text=re.compile(f"^{re.escape(code)}$")).first
    for patience in (PATIENCE / 3, PATIENCE):
        page.fill("#q", "")
        page.fill("#q", code)
        with contextlib.suppress(TimeoutError):
            return hit.wait_for(timeout=patience)
    raise AssertionError(f"{code} is not found: {page.locator('main').inner_text()}\n{requests(page)}")


def signs(page: Page, study, *codes: str) -> None:
    """Chooses codes by typing, signs, and waits until the hospital has filed it."""
    for code in codes:
        finds(page, code)
        page.press("#q", "Enter")
        page.locator(f'.chosen [data-code="{code}"]').wait_for()
    page.click("#sign")
    page.wait_for_url(f"**{path(study, 'sign')}")
    page.click("#do")
    page.wait_for_url(f"**{path(study)}?said=study-signed")
    page.locator("#fate li", has_text="Final result").filter(has_text=FILED).first.wait_for()


def test_a_study_is_found_by_keys_signed_with_suggested_codes_and_filed(people, visit):
    who = studies.clinician(people, "larkspur")
    study = studies.study(people, "larkspur")
    page = visit(people, who, "/o/larkspur/worklist")
    link = page.locator(f'a[href="{path(study)}"]')
    link.wait_for()
    page.keyboard.press("j")
    expect(page.locator("[data-rows] tbody th a").first).to_be_focused()
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{path(study)}")
    page.click("#all-and-sign")  # one
    page.wait_for_url(f"**{path(study, 'sign')}")
    expect(page.locator("#do")).to_be_focused()
    page.click("#do")  # and two
    page.wait_for_url(f"**{path(study)}?said=study-signed")
    page.locator("#fate").get_by_text("Final result").wait_for()
    page.locator("#fate li", has_text="Final result").filter(has_text=FILED).first.wait_for()
    message = filed(people, "larkspur", f"LV-700101-{study.result.rpartition('-')[2]}")
    assert [one[3].split(b"^")[0] for one in segments(message, b"DG1")] == [b"I48.91", b"R94.31"]
    seen = [one for one in people.events("larkspur", "viewed") if one["actor"] == who]
    assert {"worklist", "study", "confirm-sign"} <= {one["page"] for one in seen}
    assert any(one["case"] == 0 and study.case in one.get("cases", [study.case]) for one in seen)


@pytest.mark.parametrize("org", ["larkspur", "stbrigid", "tamarack", "northgate"])
def test_codes_arrive_in_each_hospitals_own_form(one, visit, org):
    who = studies.clinician(one, org)
    study = studies.study(one, org)
    at = study.result.rpartition("-")[2]
    page = visit(one, who, path(study))
    chosen = ("I48.0", "I45.10") if org != "northgate" else ("I45.10", "I10")
    for old in page.locator(".chosen [value^='remove:']").all():
        old.click()
    signs(page, study, *chosen)
    plain = [code.encode() for code in chosen]
    undotted = [code.replace(b".", b"") for code in plain]
    if org == "larkspur":  # DG1 right behind OBR, with dots
        message = filed(one, org, f"LV-700101-{at}")
        assert [one[3].split(b"^")[0] for one in segments(message, b"DG1")] == plain
        assert names(message)[names(message).index(b"OBR") + 1] == b"DG1"
    elif org == "stbrigid":  # DG1 at the end, without dots
        message = filed(one, org, f"STB-900-1-{at}")
        assert [one[3].split(b"^")[0] for one in segments(message, b"DG1")] == undotted
        assert names(message)[-2:] == [b"DG1", b"DG1"]
    elif org == "tamarack":  # in the charge that goes to the billing system
        charge = filed(one, org, study.result, door="billing", type_=b"DFT")
        assert [one.split(b"^")[0] for one in segments(charge, b"FT1")[0][19].split(b"~")] == plain
    else:
        message = filed(one, org, f"NG88001-{at}")
        assert all(code in message for code in undotted)
        assert not any(code in message for code in plain if b"." in code)


def test_the_preview_is_what_is_filed(one, visit):
    who = studies.clinician(one, "larkspur")
    study = studies.study(one, "larkspur")
    page = visit(one, who, path(study))
    page.fill("#interpretation", "Atrial fibrillation. Rate controlled.")
    page.locator("#outgoing ins").first.wait_for()
    page.fill("#q", "I10")
    page.locator(".hits button").first.wait_for()
    page.press("#q", "Enter")
    page.locator('.chosen [data-code="I10"]').wait_for()
    page.click("#sign")
    page.wait_for_url(f"**{path(study, 'sign')}")
    shown = page.evaluate("[...document.querySelectorAll('.message .line')].map((line) => line.textContent)")
    marked = page.locator(".message ins").all_text_contents()
    assert any(text.startswith("I10^") for text in marked)
    page.click("#do")
    page.wait_for_url("**said=study-signed")
    message = filed(one, "larkspur", f"LV-700101-{study.result.rpartition('-')[2]}").decode()
    sent = [line for line in message.split("\r") if line]
    assert len(sent) == len(shown)
    for before, after in zip(shown, sent, strict=True):
        if before.startswith("MSH"):  # its time and its number are given when it is sent
            assert [text for n, text in enumerate(before.split("|")) if n not in (6, 9)] == [
                text for n, text in enumerate(after.split("|")) if n not in (6, 9)
            ]
        else:
            assert before == after


def test_what_was_signed_is_amended_and_withdrawn_with_reasons(people, visit):
    who = studies.clinician(people, "larkspur")
    study = studies.study(people, "larkspur")
    about = f"LV-700101-{study.result.rpartition('-')[2]}"
    page = visit(people, who, path(study))
    signs(page, study, "I10")
    filed(people, "larkspur", about)
    page.get_by_role("link", name="Amend").click()
    page.fill("#interpretation", "Sinus rhythm. The earlier reading was of another lead.")
    page.locator("#outgoing ins").first.wait_for()
    page.click("#sign")
    page.wait_for_url(f"**{path(study, 'amend')}")
    page.fill("#reason", "another lead was read")
    page.click("#do")
    page.wait_for_url("**said=study-amended")
    assert b"another lead" in filed(people, "larkspur", about, status=b"C")
    page.get_by_role("link", name="Withdraw").click()
    page.wait_for_url(f"**{path(study, 'withdraw')}")
    page.fill("#reason", "it belongs to another study")
    page.click("#do")
    page.wait_for_url("**said=study-withdrawn")
    page.locator("#fate li", has_text="Withdrawal").filter(has_text=FILED).first.wait_for()
    page.reload()
    assert page.get_by_role("link", name="Amend").count() == 0
    whys = [
        (one["act"], one.get("why", "")) for one in people.events("larkspur", "signed") if one["case"] == study.case
    ]
    assert whys == [("sign", ""), ("amend", "another lead was read"), ("withdraw", "it belongs to another study")]


def test_two_browsers_race_on_one_study_and_one_of_them_signs(people, visit):
    first, second = studies.clinician(people, "larkspur"), studies.clinician(people, "larkspur", "second.larkspur")
    study = studies.study(people, "larkspur")
    one = visit(people, first, path(study), expect_errors=True)
    one.click("#sign")
    one.wait_for_url(f"**{path(study, 'sign')}")
    other = visit(people, second, path(study, "sign"), expect_errors=True)
    expect(other.locator("#presence")).to_contain_text("Clinician Larkspur has this study open")
    expect(other.locator("#do")).to_be_disabled()
    other.fill("#take-over-reason", "my patient")
    other.get_by_role("button", name="Take over").click()
    other.wait_for_url("**said=taken-over")
    other.click("#sign")
    other.wait_for_url(f"**{path(study, 'sign')}")
    one.locator("#do").click(no_wait_after=True)
    other.locator("#do").click()
    other.wait_for_url("**said=study-signed")
    expect(one.locator("main")).to_contain_text(re.compile("has this study open|is signed already"))
    assert [event["actor"] for event in people.events("larkspur", "signed") if event["case"] == study.case] == [second]


def test_codes_are_ranked_by_drag_and_by_keys(one, visit):
    who = studies.clinician(one, "larkspur")
    study = studies.study(one, "larkspur")
    page = visit(one, who, path(study))
    for code in ("I10", "I48.0", "I45.10"):
        page.fill("#q", code)
        page.press("#q", "Enter")
        page.locator(f'.chosen [data-code="{code}"], .chosen li[data-code="{code}"]').first.wait_for()

    def order() -> list[str]:
        return [one.get_attribute("data-code") or "" for one in page.locator(".chosen li").all()]

    assert order() == ["I10", "I48.0", "I45.10"]
    page.locator('[id="down-I10"]').focus()
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator(".chosen li").first).to_have_attribute("data-code", "I48.0")
    expect(page.locator('[id="down-I10"]')).to_be_focused()
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator(".chosen li").last).to_have_attribute("data-code", "I10")
    expect(page.locator('[id="up-I10"]')).to_be_focused()  # its other arrow is off at the end
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator(".chosen li").last).to_have_attribute("data-code", "I45.10")
    page.locator('li[data-code="I45.10"]').drag_to(
        page.locator('li[data-code="I48.0"]'), target_position={"x": 60, "y": 3}
    )
    expect(page.locator(".chosen li").first).to_have_attribute("data-code", "I45.10")
    expect(page.locator(".chosen li").first).to_contain_text("Primary")
    page.reload()
    assert order() == ["I45.10", "I48.0", "I10"]


def test_a_critical_value_stands_first_on_the_worklist_and_is_named(people, visit):
    who = studies.clinician(people, "northgate")
    value = {"kind": "heart_rate", "value": {"value": 28, "unit": "/min"}, "flag": "critical_low"}
    calm = studies.study(people, "northgate")
    study = studies.study(people, "northgate", measurements=[value])
    page = visit(people, who, "/o/northgate/worklist")
    rows = page.locator("[data-rows] tbody tr")
    first = rows.filter(has=page.locator(f'a[href="{path(study)}"]'))
    expect(first).to_contain_text("Critical")
    expect(first).to_contain_text("Heart rate 28 /min")
    links = [link.get_attribute("href") for link in rows.locator("th a").all()]
    assert links.index(path(study)) < links.index(path(calm))
    look(page, "clinical-worklist-critical")
    signs(visit(people, who, path(study)), study, "I10")
    page.goto(f"{people.server.url}/o/northgate/worklist?tab=signed")
    expect(page.locator("tbody tr").first).to_contain_text("Clinician Northgate")


def test_what_somebody_types_is_not_lost_when_the_session_ends(one, visit):
    who = studies.clinician(one, "larkspur", "late.larkspur")
    study = studies.study(one, "larkspur")
    page = visit(one, who, path(study), expect_errors=True)
    page.context.clear_cookies()
    page.fill("#interpretation", "Typed when the session was over.")
    trouble = page.get_by_role("alert")
    expect(trouble).to_contain_text("Your session has ended")
    expect(trouble.get_by_role("link", name="sign in in another window")).to_have_attribute("target", "_blank")
    expect(page.locator("#interpretation")).to_have_value("Typed when the session was over.")
    page.context.add_cookies([{"name": "segwright", "value": one.token(who), "url": one.server.url}])
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(trouble).to_be_hidden()
    page.locator("#outgoing ins").first.wait_for()
    page.reload()
    expect(page.locator("#interpretation")).to_have_value("Typed when the session was over.")
    page.context.clear_cookies()
    page.context.add_cookies([{"name": "segwright", "value": one.token("clinician.larkspur"), "url": one.server.url}])
    page.fill("#interpretation", "And somebody else signs in.")
    expect(trouble).to_be_visible()  # the form is of another session
    assert "And somebody else" not in visit(one, who, path(study)).locator("#interpretation").input_value()


def test_what_somebody_types_before_the_scripts_have_come_is_kept(one, visit):
    who = studies.clinician(one, "larkspur")
    study = studies.study(one, "larkspur")
    page = visit(one, who)
    held: list[Route] = []
    page.route("**/htmx-*.js", lambda route: route.continue_() if held else held.append(route))
    page.goto(one.server.url + path(study), wait_until="commit")
    page.fill("#interpretation", "Typed while the page was still coming.")
    eventually(lambda: page.evaluate("1") and held)
    held[0].continue_()
    expect(page.locator("#outgoing ins").first).to_contain_text("Typed while the page was still coming.")
    page.reload()
    expect(page.locator("#interpretation")).to_have_value("Typed while the page was still coming.")


def test_what_is_done_while_an_answer_is_under_way_is_done_after_it(one, visit):
    """A code that was taken is not given up for what is typed next, and is the one that was searched then."""
    who = studies.clinician(one, "larkspur")
    study = studies.study(one, "larkspur")
    page = visit(one, who, path(study))
    held: list[Route] = []
    page.route("**/draft", lambda route: held.append(route) if not held else route.continue_())
    page.fill("#q", "I48.0")
    eventually(lambda: page.evaluate("1") and held)
    page.press("#q", "Enter")
    page.fill("#q", "I10")
    page.press("#q", "Enter")
    page.fill("#q", "I45")
    page.wait_for_timeout(500)  # what is typed is asked for after 300 ms
    assert page.locator(".chosen [data-code]").count() == 0
    held[0].continue_()
    page.locator('.chosen [data-code="I10"]').wait_for()
    page.locator(".hits .code", has_text="I45.10").wait_for()
    codes = page.locator(".chosen [data-code]")
    assert [each.get_attribute("data-code") for each in codes.all()] == ["I48.0", "I10"]
    assert page.input_value("#q") == "I45"


def test_a_page_that_only_looks_leaves_when_the_session_ends(one, visit):
    who = studies.clinician(one, "larkspur")
    page = visit(one, who, "/o/larkspur/worklist", expect_errors=True)
    page.context.clear_cookies()
    page.evaluate(
        "htmx.trigger('#news', 'htmx:abort'); htmx.ajax('GET', document.getElementById('news').getAttribute('hx-get'), '#news')"
    )
    page.wait_for_url("**/sign-in?next=%2Fo%2Flarkspur%2Fworklist")


def test_back_after_signing_shows_the_signed_study(one, visit):
    who = studies.clinician(one, "larkspur")
    study = studies.study(one, "larkspur")
    page = visit(one, who, path(study))
    signs(page, study, "I10")
    page.goto(one.server.url + path(study, "sign"))
    assert page.url == one.server.url + path(study)
    expect(page.get_by_role("heading", name="Signed by")).to_be_visible()


def test_a_study_is_read_and_signed_at_200_per_cent(one, visit):
    who = studies.clinician(one, "larkspur")
    study = studies.study(one, "larkspur")
    for where in ("/", "/o/larkspur/worklist", path(study), path(study, "sign")):
        page = visit(one, who, where, width=640)
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), where
    assert page.locator("#do").is_enabled()


def test_every_page_of_a_study_is_looked_at_in_light_and_dark(one, visit):
    who = studies.clinician(one, "larkspur")
    other = studies.clinician(one, "larkspur", "second.larkspur")
    at = studies.number()
    critical = {
        "measurements": [
            {"kind": "heart_rate", "value": {"value": 141, "unit": "/min"}, "flag": "critical_high",
             "low": {"value": 60, "unit": "/min"}, "high": {"value": 100, "unit": "/min"}},
            {"kind": "qtc_interval", "value": {"value": 0.478, "unit": "s"}, "flag": "high",
             "low": {"value": 350, "unit": "ms"}, "high": {"value": 460, "unit": "ms"}},
        ],
    }  # fmt: skip
    for number, rate in enumerate((72, 96, 88, 120)):
        before = studies.number()
        measured = [{"kind": "heart_rate", "value": {"value": rate, "unit": "/min"}}]
        earlier = f"2025-0{number + 2}-11T09:30:00-06:00"
        studies.read(
            one,
            "larkspur",
            before,
            studies.ordered(one, "larkspur", before),
            measurements=measured,
            observed_at=earlier,
        )
    study = studies.read(
        one, "larkspur", at, studies.ordered(one, "larkspur", at), **critical, document={"pdf": studies.PDF}
    )
    page = visit(one, who, "/o/larkspur/worklist")
    look(page, "clinical-worklist")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    look(page, "clinical-worklist-keys")
    page.keyboard.press("Escape")
    page.goto(one.server.url + path(study))
    assert page.locator(".trend").count() == 1
    assert "72 on 11 Feb 2025" in (page.locator(".trend").get_attribute("aria-label") or "")
    look(page, "clinical-study")
    page.fill("#q", "atrail fib")  # a slip
    page.locator(".hits button").first.wait_for()
    look(page, "clinical-search")
    page.press("#q", "Enter")
    page.locator(".chosen li").wait_for()
    page.fill("#q", "I48.9")  # a heading
    page.locator("#found :is(li, p)").first.wait_for()
    page.press("#q", "Enter")
    page.fill("#q", "Z99.9")
    page.locator("#found :is(li, p)").first.wait_for()
    page.press("#q", "Enter")
    page.locator(".chosen .wrong, .chosen li.wrong").first.wait_for()
    look(page, "clinical-refused-codes")
    theirs = visit(one, other, path(study))
    look(theirs, "clinical-held-by-other")
    page.click('[value="remove:Z99.9"]')
    page.locator('[data-code="Z99.9"]').wait_for(state="detached")
    page.click("#sign")
    page.wait_for_url(f"**{path(study, 'sign')}")
    look(page, "clinical-confirm")
    page.goto(one.server.url + "/o/larkspur/worklist?tab=mine")
    look(page, "clinical-mine")
    page.goto(one.server.url + "/o/larkspur/worklist?tab=signed")
    look(page, "clinical-signed-list")
    page.goto(one.server.url + path(study))
    page.click("#sign")
    page.wait_for_url(f"**{path(study, 'sign')}")
    page.click("#do")
    page.wait_for_url("**said=study-signed")
    page.locator("#fate li", has_text="Final result").filter(has_text=FILED).first.wait_for()
    look(page, "clinical-signed")
    assert page.locator(".message").count() == 2, "what was sent: the final result, and the preliminary one before it"
    admin = visit(one, "administrator.larkspur", "/o/larkspur/signers")
    look(admin, "clinical-signers")
