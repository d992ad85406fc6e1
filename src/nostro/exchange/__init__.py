"""Who buys and sells what, at which price, and what was traded?"""

from nostro.exchange import commands, effects, events, terms

COMMANDS = commands.COMMANDS
EFFECTS = effects.EFFECTS
EVENTS = events.EVENTS
