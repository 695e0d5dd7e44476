//! revoke.
