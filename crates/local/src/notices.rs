//! News of what happened: to the program's own log, and to webhooks.
