from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.hl7.values import Moment
from segwright.library import by_key, zones
from segwright.library.moments import iso_moment, moment_iso, read_dtm, write_dtm
from segwright.library.record import Builtin, Refusal
from tests.library.test_examples import call


def record(key: str) -> Builtin:
    found = by_key(key)
    assert found is not None
    return found


DTM, TIME, DATE, AGE = (record(f"{key}@1") for key in ("dtm/datetime", "time/datetime", "date/datetime", "age/date"))

ZONES = st.sampled_from(
    [
        "America/Chicago",
        "America/New_York",
        "America/Phoenix",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "UTC",
        "Europe/Vienna",
    ]
)
LENGTHS = {"year": 4, "month": 6, "day": 8, "hour": 10, "minute": 12, "second": 14, "millisecond": 18, "full": 19}
INSTANTS = st.datetimes(datetime.fromisoformat("1970-01-02"), datetime.fromisoformat("2100-12-30"))
OFFSETS = st.integers(-12 * 60, 14 * 60)


def digits(clock: datetime, length: int = 14) -> str:
    return f"{clock.year:04}{clock:%m%d%H%M%S}"[:length]


@st.composite
def moments(draw: st.DrawFn) -> Moment:
    whole = digits(draw(st.datetimes()), draw(st.sampled_from([4, 6, 8, 10, 12, 14])))
    fraction = draw(st.from_regex(r"(\.[0-9]{1,4})?", fullmatch=True)) if len(whole) == 14 else ""
    return Moment(whole + fraction, draw(st.none() | OFFSETS))


@given(moments())
def test_what_is_written_reads_back(moment: Moment):
    assert iso_moment(moment_iso(moment)) == moment
    assert read_dtm(write_dtm(moment)) == moment


@given(INSTANTS, OFFSETS)
def test_iso_agrees_with_the_standard_library(clock: datetime, offset: int):
    zoned = clock.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=offset)))
    moment = iso_moment(zoned.isoformat())
    assert moment == Moment(digits(clock), offset)
    assert datetime.fromisoformat(moment_iso(moment)) == zoned


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026", Moment("2026", None)),
        ("2026-03", Moment("202603", None)),
        ("2026-03-08", Moment("20260308", None)),
        ("2026-03-08T14", Moment("2026030814", None)),
        ("2026-03-08T14:30Z", Moment("202603081430", 0)),
        ("2026-03-08T14:30:00.1200-05:00", Moment("20260308143000.1200", -300)),
        ("2026-05:00", Moment("2026", -300)),
        ("2026-03-05:00", Moment("202603", -300)),
    ],
)
def test_iso_keeps_the_precision(text: str, moment: Moment):
    assert iso_moment(text) == moment
    assert moment_iso(moment) == text


@pytest.mark.parametrize(
    "text",
    ["", "26", "2026-3-8", "2026-13", "2026-02-29", "2026-03-08 14:30", "2026-03-08T24:00", "2026-03-08T14:30:60",
     "2026-03-08T14:30:00.12345", "2026-03-08T14:30.5", "2026-03-08T14:30+15:00", "2026-03-08T14:30+05:60", "0000-01-01",
     "2026-03-08T14:30:00Z\n", "٢٠٢٦", "20260308T1430"],
)  # fmt: skip
def test_iso_refuses_what_is_no_time(text: str):
    with pytest.raises(Refusal):
        iso_moment(text)


@given(st.text(alphabet="0123456789.+-Z:T\n", max_size=26) | st.from_regex(r"[0-9]{4,14}(\.[0-9]+)?([+-][0-9]{4})?"))
def test_a_dtm_that_is_read_is_a_real_time(text: str):
    try:
        moment = read_dtm(text)
    except Refusal:
        return
    assert write_dtm(moment).replace("+0000", "") == text.replace("-0000", "").replace("+0000", "")
    year, month, day = (int(moment.digits[a:b] or "1") for a, b in ((0, 4), (4, 6), (6, 8)))
    assert 1 <= day <= monthrange(year, month)[1]
    hour, minute, second = (int(moment.digits[a : a + 2] or "0") for a in (8, 10, 12))
    assert datetime(year, month, day, hour, minute, second, tzinfo=UTC)


@given(INSTANTS, OFFSETS, ZONES, st.sampled_from(sorted(LENGTHS)), st.booleans())
def test_conversion_agrees_with_datetime(clock: datetime, offset: int, zone: str, precision: str, shown: bool):
    known = clock.replace(microsecond=0)
    local = known.replace(tzinfo=timezone(timedelta(minutes=offset))).astimezone(zones.zone(zone))
    expected = digits(local, LENGTHS[precision])
    if shown and len(expected) >= 10:
        expected += f"{local:%z}"
    arguments = {"precision": precision, "in": zone, "offset": shown, "ambiguous": "error"}
    # America/Phoenix and the others keep whole minutes since 1970.
    assert call(DTM, Moment(digits(known), offset), arguments) == expected
    if precision not in ("year", "month", "day"):
        assert call(TIME, Moment(digits(known), offset), arguments) == expected[8:]
    if precision in ("year", "month", "day"):
        assert call(DATE, Moment(digits(known), offset), {"precision": precision, "in": zone}) == expected


@given(
    moments(), ZONES, st.sampled_from(sorted(LENGTHS)), st.sampled_from(["error", "earlier", "later"]), st.booleans()
)
def test_never_more_precise_than_known(moment: Moment, zone: str, precision: str, ambiguous: str, shown: bool):
    arguments = {"precision": precision, "in": zone, "offset": shown, "ambiguous": ambiguous}
    try:
        written = call(DTM, moment, arguments)
    except Refusal:
        return
    back = read_dtm(written)
    assert len(back.digits) <= len(moment.digits)
    assert len(back.digits) <= LENGTHS[precision]
    assert (back.offset is not None) <= shown
    if moment.offset is None:
        assert moment.digits.startswith(back.digits)


@given(INSTANTS, OFFSETS, ZONES, st.sampled_from([4, 6, 8, 10]))
def test_a_vague_time_is_printed_only_when_all_of_it_prints_alike(clock: datetime, offset: int, zone: str, length: int):
    moment = Moment(digits(clock, length), offset)
    start = moment.digits + "00000101000000"[length:]
    first = datetime.fromisoformat(f"{start[:8]}T{start[8:]}")
    if length == 4:
        after = first.replace(year=first.year + 1)
    elif length == 6:
        after = (first + timedelta(days=32)).replace(day=1)
    else:
        after = first + (timedelta(days=1) if length == 8 else timedelta(hours=1))
    own = timezone(timedelta(minutes=offset))
    here = zones.zone(zone)
    ends = [end.replace(tzinfo=own).astimezone(UTC).astimezone(here) for end in (first, after - timedelta(seconds=1))]
    arguments = {"precision": "full", "in": zone, "offset": False, "ambiguous": "error"}
    shown = {digits(end, length) for end in ends}
    if len(shown) == 1:
        assert call(DTM, moment, arguments) == shown.pop()
    else:
        with pytest.raises(Refusal, match="too little"):
            call(DTM, moment, arguments)


@given(INSTANTS, ZONES)
def test_a_local_time_with_its_offset_names_an_instant_that_shows_it(clock: datetime, zone: str):
    rules = zones.zone(zone)
    known = clock.replace(microsecond=0)
    possible = {
        instant.utcoffset()
        for fold in (0, 1)
        for instant in [known.replace(tzinfo=rules, fold=fold).astimezone(UTC).astimezone(rules)]
        if instant.replace(tzinfo=None) == known
    }
    base = {"precision": "second", "in": zone, "offset": True}
    if len(possible) == 1:
        assert read_dtm(call(DTM, Moment(digits(known), None), {**base, "ambiguous": "error"})).offset == (
            next(iter(possible)) or timedelta()
        ) // timedelta(minutes=1)
    else:
        with pytest.raises(Refusal):
            call(DTM, Moment(digits(known), None), {**base, "ambiguous": "error"})


@pytest.mark.parametrize("minute", range(0, 60, 7))
def test_the_hour_that_comes_twice_and_the_one_that_never_comes(minute: int):
    twice, never = Moment(f"2026110101{minute:02}", None), Moment(f"2026030802{minute:02}", None)
    base = {"precision": "minute", "in": "America/Chicago", "offset": True}
    assert call(DTM, twice, {**base, "ambiguous": "earlier"}).endswith("-0500")
    assert call(DTM, twice, {**base, "ambiguous": "later"}).endswith("-0600")
    for ambiguous in ("error", "earlier", "later"):
        with pytest.raises(Refusal, match="does not exist"):
            call(DTM, never, {**base, "ambiguous": ambiguous})


def test_an_hour_in_which_the_offset_changes_is_not_given_one():
    # Lord Howe puts its clocks back by half an hour: 5 April 2026, 2:00 becomes 1:30.
    base = {"precision": "hour", "in": "Australia/Lord_Howe", "offset": True}
    with pytest.raises(Refusal, match="within the hour"):
        call(DTM, Moment("2026040501", None), {**base, "ambiguous": "later"})
    assert call(DTM, Moment("2026040503", None), {**base, "ambiguous": "error"}) == "2026040503+1030"


def test_the_ends_of_the_calendar_are_refused_not_crossed():
    base = {"precision": "second", "offset": False, "ambiguous": "error"}
    with pytest.raises(Refusal, match="years 0001 to 9999"):
        call(DTM, Moment("00010101000000", 840), {**base, "in": "America/Chicago"})
    with pytest.raises(Refusal, match="years 0001 to 9999"):
        call(DTM, Moment("99991231235959", -720), {**base, "in": "Asia/Kolkata"})
    with pytest.raises(Refusal, match="whole minutes"):
        call(DTM, Moment("18500101120000", 0), {**base, "in": "America/Chicago"})


def test_a_moment_that_nobody_checked_is_refused():
    with pytest.raises(Refusal, match="no such time"):
        call(
            DTM,
            Moment("20260230120000", 0),
            {"precision": "second", "in": "UTC", "offset": False, "ambiguous": "error"},
        )


def test_zones_come_from_the_package_only():
    assert zones.zone("America/Chicago") is zones.zone("America/Chicago")
    assert len(zones.zone_names()) > 400
    for name in ("../../etc/passwd", "/etc/localtime", "", "america/chicago", "localtime"):
        with pytest.raises(Refusal):
            zones.zone(name)


@given(st.dates(date(1900, 1, 1)), st.dates(date(1900, 1, 1)))
def test_age_counts_the_birthdays_that_have_been(born: date, at: date):
    first, second = (Moment(f"{day.year:04}{day:%m%d}", None) for day in (born, at))
    if at < born:
        with pytest.raises(Refusal):
            call(AGE, first, {"at": second})
        return
    birthdays = 0
    for year in range(born.year + 1, at.year + 1):
        try:
            birthday = born.replace(year=year)
        except ValueError:
            birthday = born.replace(year=year, month=3, day=1)
        birthdays += birthday <= at
    assert call(AGE, first, {"at": second}) == birthdays


@given(st.dates(date(1900, 1, 1), date(2020, 1, 1)), st.dates(date(2021, 1, 1)))
def test_age_of_a_birth_month_is_told_only_when_every_day_of_it_agrees(born: date, at: date):
    moment = Moment(f"{at.year:04}{at:%m%d}", None)
    ages = set()
    for day in range(1, monthrange(born.year, born.month)[1] + 1):
        ages.add(call(AGE, Moment(f"{born.year:04}{born:%m}{day:02}", None), {"at": moment}))
    month = Moment(f"{born.year:04}{born:%m}", None)
    if len(ages) == 1:
        assert call(AGE, month, {"at": moment}) == ages.pop()
    else:
        with pytest.raises(Refusal):
            call(AGE, month, {"at": moment})
