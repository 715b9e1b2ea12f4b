"""An action and what came of it, as everyone above the ledger calls them."""

from heedful.ledger.action import Action
from heedful.ledger.outcome import Outcome

__all__ = ["Action", "Outcome"]
