//! hierarchy.
