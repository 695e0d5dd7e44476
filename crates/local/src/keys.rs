//! CA keys on one machine, and the log of what they signed.
