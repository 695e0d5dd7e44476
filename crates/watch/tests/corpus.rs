//! Every committed input of this crate's fuzz targets, run through the targets' own bodies.

#[path = "../../../fuzz/src/watch.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets take the module from a library")]
mod bodies;
#[path = "../../../fuzz/src/replay.rs"]
mod replay;

replay::replay! {
    bodies: cloudtrail, seen,
}
