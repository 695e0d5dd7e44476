//! The four ports of an authority on one machine: what a house without a cloud provides.
//!
//! - [`keys`]: CA keys in sealed files or in a PKCS #11 token, and the log of every signature made with them;
//! - [`notices`]: news to the program's log and to webhooks;
//! - [`world`]: the system's clock and random numbers.

pub mod keys;
pub mod notices;
pub mod world;
