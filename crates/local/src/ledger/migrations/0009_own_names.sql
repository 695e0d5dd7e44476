-- Names that a server of this authority is reached by, each until its certificate for it ends.
CREATE TABLE own_names (
    kind  TEXT    NOT NULL,  -- DNS_NAME or IP_ADDRESS
    name  TEXT    NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
