-- Every change of a CA's state, oldest first: its newest row says what it is. A CA without a row is active.
CREATE TABLE issuer_changes (
    id         INTEGER PRIMARY KEY,
    ca         TEXT    NOT NULL,  -- may be recorded before the CA is made
    state      TEXT    NOT NULL,  -- pending, active, retiring, retired
    is_default INTEGER NOT NULL,  -- whether the CA became the one that issues where a profile names none
    at         INTEGER NOT NULL,
    principal  TEXT    NOT NULL
) STRICT;
CREATE INDEX issuer_changes_by_ca ON issuer_changes (ca, id);
