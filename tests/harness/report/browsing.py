"""What tests find on a page that is open in a browser."""


def column(tab, place, number):
    """The texts of a column of the table at a place."""
    return tab.eval_on_selector_all(f"{place} tbody tr", f"rows => rows.map(row => row.cells[{number}].innerText)")


def heads(tab, place):
    return [text.rstrip(" ↕↑↓") for text in tab.locator(f"{place} thead th").all_inner_texts()]


def cell(tab, place):
    """The button of a heatmap's cell."""
    return tab.locator(f'#heatmap button[title^="{place}"]')


def chip(tab, name, value):
    tab.locator(f'label.chip:has(input[name="{name}"][value="{value}"])').click()
