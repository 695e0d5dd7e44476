-- Backups whose manifest was, or was about to be, signed with a CA's key: everything that such a key signs is recorded first.
CREATE TABLE backups (
    id       INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    manifest BLOB    NOT NULL  -- SHA-256 of manifest.json
) STRICT;
