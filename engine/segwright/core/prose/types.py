from segwright.core.prose.entry import Entry

ENTRIES: dict[str, Entry] = {}
