-- CRLs that certificates name, and by which URL. Written before the first of them is signed; what was issued before this table
-- was, is entered when it is made.
CREATE TABLE crl_uses (
    issuer INTEGER NOT NULL REFERENCES issuers (id),
    shard  INTEGER NOT NULL,  -- -1: the full CRL
    url    TEXT    NOT NULL,  -- empty: they name none
    until  INTEGER NOT NULL,  -- none of them ends after this
    PRIMARY KEY (issuer, shard, url)
) STRICT, WITHOUT ROWID;
