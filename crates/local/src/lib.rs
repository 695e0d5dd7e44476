//! Chancery local.
