//! The ports on AWS against `sandbox/`: contracts, faults, races, and tables as the Python CA left them.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

mod claims;
mod contracts;
mod faults;
mod fixture;
mod issuance;
mod long;
mod old;
mod pages;
mod planted;
mod resources;
mod rows;
mod sandbox;
mod table;
mod unlisted;
mod upgrade;
mod written_over;
