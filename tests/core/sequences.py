"""Random sequences of uploads in the notation of the contract's cases."""

from functools import cache

from hypothesis import strategies as st

#: Few uploads and texts, so that repeats, aliases and conflicts are frequent.
_NUMBER = st.integers(0, 4)

UPLOADS = st.lists(
    st.one_of(
        st.builds("C{}".format, _NUMBER),
        st.builds("C{}@{}".format, _NUMBER, _NUMBER),
        st.builds("F{}".format, _NUMBER),
        st.builds("L{}".format, _NUMBER),
    ),
    max_size=14,
)
SLOTS = st.integers(1, 5)


@cache  # made once: Hypothesis looks at a new one longer than it draws from it
def _registrations(slots: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from([f"R{slots}", f"R{slots}", f"R{slots}'", f"R{slots + 1}"]), max_size=3)


@st.composite
def sequences(draw: st.DrawFn) -> str:
    """Return uploads with registrations among them: mostly one, sometimes none, repeated, or a conflicting one."""
    tokens = draw(UPLOADS)
    slots = draw(SLOTS)
    for word in draw(_registrations(slots)):
        tokens.insert(draw(st.integers(0, len(tokens))), word)
    return " ".join(tokens)
