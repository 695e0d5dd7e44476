-- Tokens for the HTTP API. Only a digest of the secret is kept.
CREATE TABLE api_tokens (
    id           TEXT PRIMARY KEY,
    name         TEXT    NOT NULL,
    scopes       TEXT    NOT NULL,  -- separated by blanks
    digest       BLOB    NOT NULL,  -- SHA-256 of the secret's octets
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT, WITHOUT ROWID;
