-- The ledger of one authority. Times are Unix seconds, serial numbers 20 octets big-endian, digests raw octets.

-- Every slug that ever signed, as a small number.
CREATE TABLE issuers (
    id   INTEGER PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE
) STRICT;

-- One row for every certificate from the moment that its intent is reserved. A row is
--   open    while issued_at and lost_at are null: der is the TBSCertificate,
--   issued  once issued_at is set:               der is the certificate,
--   lost    once lost_at is set:                 der is the TBSCertificate, and the serial stays taken.
-- Rows are never deleted, so ids rise with time.
CREATE TABLE certificates (
    id             INTEGER PRIMARY KEY,
    issuer         INTEGER NOT NULL REFERENCES issuers (id),
    serial         BLOB    NOT NULL,
    key            BLOB    NOT NULL,  -- SHA-256 of the SubjectPublicKeyInfo
    is_authority   INTEGER NOT NULL,
    common_name    TEXT    NOT NULL,
    profile        TEXT    NOT NULL,
    not_before     INTEGER NOT NULL,
    not_after      INTEGER NOT NULL,
    shard          INTEGER,           -- null: the full CRL
    principal      TEXT    NOT NULL,
    notify_expiry  INTEGER NOT NULL,
    reserved_at    INTEGER NOT NULL,
    issued_at      INTEGER,
    lost_at        INTEGER,
    token          TEXT,              -- idempotency token, unique for its principal
    request_digest BLOB,              -- of the request that used the token
    receipt        TEXT,
    der            BLOB    NOT NULL
) STRICT;

-- A serial number stays taken for ever; keys and tokens of lost intents are free again.
CREATE UNIQUE INDEX certificates_by_serial ON certificates (serial, issuer);
CREATE INDEX certificates_by_key ON certificates (key) WHERE lost_at IS NULL;
CREATE UNIQUE INDEX certificates_by_token ON certificates (principal, token)
    WHERE token IS NOT NULL AND lost_at IS NULL;
CREATE INDEX certificates_open ON certificates (reserved_at) WHERE issued_at IS NULL AND lost_at IS NULL;
CREATE INDEX certificates_by_name ON certificates (common_name) WHERE issued_at IS NOT NULL;
CREATE INDEX certificates_by_expiry ON certificates (not_after) WHERE issued_at IS NOT NULL;
CREATE INDEX certificates_to_remind ON certificates (not_after) WHERE notify_expiry = 1 AND issued_at IS NOT NULL;

-- CAs: the slug is taken as soon as the intent for its certificate is reserved.
CREATE TABLE authorities (
    slug        TEXT PRIMARY KEY,
    certificate INTEGER NOT NULL UNIQUE REFERENCES certificates (id),
    parent      TEXT,
    key         TEXT NOT NULL  -- its name in the key store
) STRICT, WITHOUT ROWID;

-- What CRLs list, in their order: revoked certificates and the serials of lost intents.
CREATE TABLE revocations (
    issuer          INTEGER NOT NULL REFERENCES issuers (id),
    shard           INTEGER NOT NULL,  -- -1: the full CRL
    serial          BLOB    NOT NULL,
    not_after       INTEGER NOT NULL,
    revoked_at      INTEGER NOT NULL,
    reason          INTEGER NOT NULL,  -- CRLReason
    invalidity_date INTEGER,
    certificate     INTEGER NOT NULL REFERENCES certificates (id),
    principal       TEXT    NOT NULL,
    PRIMARY KEY (issuer, shard, serial)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX revocations_by_certificate ON revocations (certificate);

-- The highest CRL number reserved for a scope.
CREATE TABLE crl_numbers (
    issuer INTEGER NOT NULL REFERENCES issuers (id),
    shard  INTEGER NOT NULL,  -- -1: the full CRL
    number INTEGER NOT NULL,
    PRIMARY KEY (issuer, shard)
) STRICT, WITHOUT ROWID;

CREATE TABLE crls (
    issuer      INTEGER NOT NULL REFERENCES issuers (id),
    shard       INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL,
    entries     INTEGER NOT NULL,
    digest      BLOB    NOT NULL,  -- SHA-256 of the DER
    receipt     TEXT    NOT NULL,
    etag        TEXT,              -- null: not published yet
    PRIMARY KEY (issuer, shard, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE reminders (
    certificate INTEGER NOT NULL REFERENCES certificates (id),
    at          INTEGER NOT NULL,
    PRIMARY KEY (certificate, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE rejections (
    id          INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,
    principal   TEXT    NOT NULL,
    common_name TEXT,
    code        TEXT    NOT NULL,
    reason      TEXT    NOT NULL
) STRICT;

-- Kept in the same transaction as what they count.
CREATE TABLE counts (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    issued       INTEGER NOT NULL,
    revoked      INTEGER NOT NULL,
    open_intents INTEGER NOT NULL,
    rejected     INTEGER NOT NULL
) STRICT;
INSERT INTO counts VALUES (1, 0, 0, 0, 0);

-- crl_number_floor: no CRL number below this is given out; set when a backup is restored.
CREATE TABLE properties (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
