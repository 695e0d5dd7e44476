//! What the authority's own types are in the API: for the server, and for a command that works on an authority itself and
//! answers as a server would.

mod certificate;
mod crl;
mod revocation;
mod search;

pub use crl::problem;
pub use search::{BadCondition, NoTime, time};
