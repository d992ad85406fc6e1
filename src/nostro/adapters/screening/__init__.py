"""Who is on a list of sanctioned parties, exactly or nearly?"""

from nostro.adapters.screening.names import normalised
from nostro.adapters.screening.watchlist import FileScreening, ListBroken

__all__ = ["FileScreening", "ListBroken", "normalised"]
