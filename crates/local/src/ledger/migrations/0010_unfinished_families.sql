-- Families of compromised keys that a revocation left some of: whoever sweeps goes on with them.
CREATE TABLE unfinished_families (
    key             BLOB    PRIMARY KEY,  -- SHA-256 of the SubjectPublicKeyInfo
    certificate     INTEGER NOT NULL REFERENCES certificates (id),  -- the one that was asked for
    revoked_at      INTEGER NOT NULL,
    reason          INTEGER NOT NULL,  -- CRLReason
    invalidity_date INTEGER,
    principal       TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
