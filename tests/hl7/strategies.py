"""What messages are made of, for property tests."""

from hypothesis import strategies as st

from segwright.hl7.delimiters import LEGAL, Delimiters

REFUSED = "".join(map(chr, [*range(9), 11, 12, *range(14, 32), 127]))

# Delimiters of every kind are drawn often: on plain letters all laws hold anyhow.
texts = st.text(
    st.one_of(
        st.characters(exclude_characters=REFUSED, exclude_categories=["Cs"]),
        st.sampled_from("|^~\\&#\r\n\t.FSTREPXHNZ09é漢"),
        st.sampled_from(sorted(LEGAL)),
    )
)


def _delimiters(characters: list[str]) -> Delimiters:
    return Delimiters(*characters)


delimiters = st.one_of(
    st.sampled_from([Delimiters(), Delimiters(truncation="#")]),
    st.lists(st.sampled_from(sorted(LEGAL)), min_size=5, max_size=6, unique=True).map(_delimiters),
)
