//! A deployment on AWS, for its Lambda functions and for the command that works on it.
//!
//! - [`settings`]: what the functions read from their environment variables, from which the authority is configured;
//! - [`failure`]: how an invocation that fails is reported to its caller;
//! - `wiring`, with the feature `aws`: the clients of the deployment that has such settings.

pub mod failure;
pub mod settings;
#[cfg(feature = "aws")]
pub mod wiring;
