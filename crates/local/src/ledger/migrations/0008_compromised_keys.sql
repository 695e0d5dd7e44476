-- What a certificate renews, and how many renewals lead to it. Certificates of before are nobody's successors.
ALTER TABLE certificates ADD COLUMN predecessor INTEGER REFERENCES certificates (id);
ALTER TABLE certificates ADD COLUMN renewals INTEGER NOT NULL DEFAULT 0;
CREATE INDEX certificates_by_predecessor ON certificates (predecessor) WHERE predecessor IS NOT NULL;

-- Keys that are certified for nobody: a certificate of each was revoked because the key is compromised.
CREATE TABLE blocked_keys (
    key         BLOB    PRIMARY KEY,  -- SHA-256 of the SubjectPublicKeyInfo
    blocked_at  INTEGER NOT NULL,
    certificate INTEGER NOT NULL REFERENCES certificates (id),
    principal   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- keyCompromise and cACompromise (RFC 5280 section 5.3.1) said so before, too.
INSERT OR IGNORE INTO blocked_keys (key, blocked_at, certificate, principal)
    SELECT c.key, r.revoked_at, c.id, r.principal FROM revocations r JOIN certificates c ON c.id = r.certificate
    WHERE r.reason IN (1, 2) AND c.issued_at IS NOT NULL;
