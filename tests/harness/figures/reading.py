"""What tests read from the artists of a figure."""

from harness.figures.views import over_bands
from tests.harness.tables import comparison_of


def drawn(page, table, over=over_bands, models=(), **more):
    """The figure of a page, over bands or over budgets."""
    comparison = comparison_of(table, models)
    return page(comparison, over(comparison), **more)


def said(figure):
    """The figure's texts beside its axes, in one line."""
    return " ".join(" ".join(text.get_text() for text in figure.texts).split())


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def panels(figure):
    """The axes of a heatmap's panels, without the colour bar."""
    return [axes for axes in figure.axes if axes.texts]


def cells(axes):
    """The words in a panel's cells, [model][x]."""
    words = {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in axes.texts}
    rows, columns = axes.collections[0].get_array().shape
    assert len(words) == rows * columns
    return [[words[row, column] for column in range(columns)] for row in range(rows)]
