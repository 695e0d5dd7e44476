//! Subjects' own keys.
