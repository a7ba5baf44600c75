"""SW1080–SW1089: change review."""

from segwright.core.prose.entry import Entry

ENTRIES: dict[str, Entry] = {
    "SW1080": Entry(
        "A policy of reviews that cannot be read",
        "`{key}` of review.yaml {reason}.",
        ("Did you mean `{nearest}`?", "It could be {known}."),
        "review.yaml says how many people must approve a change. A line of it that nobody understands must not lower that number "
        "unseen, so nothing is reviewed until it is mended.",
    ),
}
