//! Chancery from outside: the real binary, real files, real connections, and readers that we did not write.
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::similar_names, missing_docs)] // tests
#![allow(dead_code, reason = "helpers serve other tests too")]

mod api;
mod ca_certificates;
mod commands;
mod described;
mod first_steps;
mod folder;
mod freeze;
mod going_away;
mod guard;
mod judged;
mod mutual_tls;
mod own_certificate;
mod people;
mod plan;
mod request;
mod restore;
mod rotation;
mod secret_files;
mod self_renewal;
mod upgrade;
mod verify;
