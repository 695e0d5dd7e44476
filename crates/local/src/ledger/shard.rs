//! How rows store which CRL of a CA a certificate belongs to.

/// The scope without shards, in columns that are part of a key and so cannot be null.
const NO_SHARD: i64 = -1;

/// A scope's shard as rows store it.
pub(crate) fn shard_number(shard: Option<u16>) -> i64 {
    shard.map_or(NO_SHARD, i64::from)
}
