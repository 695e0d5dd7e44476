//! The authority's configuration: what people write in TOML becomes a validated [`Config`].

/// A validated configuration; private fields, built from TOML or by [`Config::default_hierarchy`].
#[derive(Clone, Debug)]
pub struct Config {}
