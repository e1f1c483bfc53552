"""How a command line is refused."""


def refused(code, _, err):
    """The one line that it says, of an exit code and what was printed."""
    assert code == 2
    assert err.startswith("error: ")
    assert err.endswith("\n")
    assert len(err.splitlines()) == 1, err
    return err
