//! profile.

/// All profiles by name.
#[derive(Clone, Debug)]
pub struct Profiles {}
