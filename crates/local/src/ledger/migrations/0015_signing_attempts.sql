-- The journal of attempts: every request to the key store for a signature, recorded before it is made, and what became of it. Kept
-- as long as the ledger. In the order of time, so that each goes behind the one before.
CREATE TABLE signing_attempts (
    at INTEGER NOT NULL,
    id BLOB NOT NULL,
    issuer INTEGER NOT NULL REFERENCES issuers (id),
    purpose TEXT NOT NULL,
    subject TEXT NOT NULL,
    number INTEGER NOT NULL,
    key TEXT NOT NULL,
    signing_input BLOB NOT NULL,
    principal TEXT,
    request_id TEXT,
    -- 'signed', 'refused' or 'unknown'; NULL: it is under way, or its process is gone.
    outcome TEXT,
    -- The receipt of a signature, else what happened.
    detail TEXT,
    ended_at INTEGER,
    PRIMARY KEY (at, id)
) STRICT, WITHOUT ROWID;

-- How many attempts to sign an intent are recorded. Zero: a former version reserved it.
ALTER TABLE certificates ADD COLUMN signing_attempts INTEGER NOT NULL DEFAULT 0;
