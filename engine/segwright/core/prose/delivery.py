"""SW09xx: the catalogue of an organisation against its mappings."""

from segwright.core.prose.entry import Entry

_CATALOGUE = (
    "The catalogue is the list of what a hospital and the platform exchange. A message that is listed and cannot be made is "
    "promised and never sent; results would wait for it for ever."
)

ENTRIES: dict[str, Entry] = {
    "SW0901": Entry(
        "A message without a mapping",
        "The catalogue lists `{name}`, and there is no mapping of that name.",
        ("Did you mean `{nearest}`?", "It could be {known}."),
        _CATALOGUE,
    ),
    "SW0902": Entry(
        "A message in the wrong direction",
        "The catalogue says that `{name}` {direction} messages; the mapping {other} them.",
        ("Change `{direction}:` to `{other}:`, or name another mapping.",),
        _CATALOGUE,
    ),
    "SW0903": Entry(
        "A message type that the mapping does not have",
        "The catalogue lists `{name}` as {type}; the mapping is for {known}.",
        ("Write {known} here, or add {type} to the first line of the mapping.",),
        _CATALOGUE,
    ),
    "SW0904": Entry(
        "A mapping that no hospital uses",
        "No organisation's catalogue names `{name}`.",
        ("Name it in a catalogue, or delete the file.",),
        "A mapping that nobody uses is checked against no hospital, and is wrong on the day the first one takes it up.",
    ),
    "SW0905": Entry(
        "A kind that the message never is",
        "The document of `{name}` is never {kinds}.",
        ("Did you mean `{nearest}`?", "It can be {known}."),
        "A kind that was taken over from another message lets nothing out, and the kinds that do come are decided by nobody.",
    ),
}
