//! Every committed input of this crate's fuzz targets, run through the targets' own bodies.

#[path = "../../../fuzz/src/lint/mod.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets take the module from a library")]
mod bodies;
#[path = "../../../fuzz/src/replay.rs"]
mod replay;

replay::replay! {
    bodies: certificate_builder, crl_writer, csr_builder, extension, lint_certificate, lint_crl,
}
