-- The certificates of CAs: the first of each CA, those that renewed it, and cross-certificates, which have no CA of this
-- ledger's. authorities names the present one of each CA.
CREATE TABLE ca_certificates (
    certificate INTEGER PRIMARY KEY REFERENCES certificates (id),
    ca TEXT,
    parent TEXT,
    key TEXT,
    CHECK ((ca IS NULL) = (key IS NULL) AND (ca IS NOT NULL OR parent IS NULL))
) STRICT;

CREATE INDEX ca_certificates_by_ca ON ca_certificates (ca) WHERE ca IS NOT NULL;

INSERT INTO ca_certificates (certificate, ca, parent, key) SELECT certificate, slug, parent, key FROM authorities;
