//! Chancery authority.
