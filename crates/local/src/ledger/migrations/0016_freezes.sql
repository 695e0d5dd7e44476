-- When issuance was frozen, by whom and why, and how that ended. It is frozen while a row has no thawed_at.
CREATE TABLE freezes (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    principal TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- Who asked for its end last, if it takes two.
    thaw_asked_at INTEGER,
    thaw_asked_by TEXT,
    thaw_asked_reason TEXT,
    thawed_at INTEGER,
    thawed_by TEXT,
    thawed_reason TEXT,
    -- Whether one person sufficed.
    thawed_alone INTEGER
) STRICT;

CREATE INDEX freezes_that_last ON freezes (id) WHERE thawed_at IS NULL;
