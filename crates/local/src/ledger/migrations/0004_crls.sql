-- What decides whether a CRL is due, and what may have been signed.

-- Counts what changed in a scope: revocations, replaced reasons, intents given up.
CREATE TABLE crl_changes (
    issuer  INTEGER NOT NULL REFERENCES issuers (id),
    shard   INTEGER NOT NULL,  -- -1: the full CRL
    changes INTEGER NOT NULL,
    PRIMARY KEY (issuer, shard)
) STRICT, WITHOUT ROWID;

-- The intent to sign a CRL, recorded before it is signed. Without a row of its number in crls, a signature may exist that
-- nobody has.
CREATE TABLE crl_intents (
    issuer        INTEGER NOT NULL REFERENCES issuers (id),
    shard         INTEGER NOT NULL,
    number        INTEGER NOT NULL,
    signing_input BLOB    NOT NULL,  -- digest of the TBSCertList, or µ
    at            INTEGER NOT NULL,
    PRIMARY KEY (issuer, shard, number)
) STRICT, WITHOUT ROWID;

-- Null in rows of before: made when thisUpdate says, and covering nobody knows what.
ALTER TABLE crls ADD COLUMN made_at INTEGER;
ALTER TABLE crls ADD COLUMN changes TEXT;  -- the mark of the changes that it covers
