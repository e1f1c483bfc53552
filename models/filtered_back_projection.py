"""FBP: filtered back-projection, the classical answer to a sinogram, kept within the budget as a grid (Kak & Slaney
1988, "Principles of Computerized Tomographic Imaging", section 3.3).

`target_signals/tasks/back_projection.py` makes the slice, and nothing here knows how.
"""

from common.needs import Needs
from models.base import register
from models.grid_exact import GridExact


@register
class FilteredBackProjection(GridExact):
    """The grid of least squared error to what filtered back-projection makes of the sinogram.

    A slice costs about a value a pixel. With more nodes than pixels along the longer axis the grid is filtered
    back-projection itself, with fewer it is what the budget leaves of it.
    """

    name = "FBP"
    inverts = True

    @classmethod
    def unsupported(cls, dim: int, channels: int, needs: Needs) -> str | None:
        if not needs.invertible:
            return f"{cls.name} is solved from a sinogram, and here none is observed."
        return None
