//! Chancery server.
