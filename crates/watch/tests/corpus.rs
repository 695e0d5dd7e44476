//! Every committed input of this crate's fuzz targets, run through the targets' own bodies.

#[path = "../../../fuzz/src/watch.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets take the module from a library")]
mod bodies;
#[path = "../../../fuzz/src/replay.rs"]
mod replay;

use proptest::prelude::*;
use proptest::sample::Index;

replay::replay! {
    bodies: cloudtrail, seen,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever becomes of a document on its way: octets changed, taken out, repeated.
    #[test]
    fn a_damaged_document_is_read_to_its_end(
        which in any::<Index>(),
        changes in prop::collection::vec((any::<Index>(), any::<u8>(), 0..4_u8), 1..12),
    ) {
        let folder = std::fs::read_dir(replay::corpus().join("cloudtrail")).unwrap();
        let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let mut octets = std::fs::read(&files[which.index(files.len())]).unwrap();
        for (place, octet, change) in changes {
            if octets.is_empty() {
                break;
            }
            let place = place.index(octets.len());
            match change {
                0 => octets[place] = octet,
                1 => octets.truncate(place),
                2 => octets.insert(place, b"{}[]\",:\\"[usize::from(octet) % 8]),
                _ if octets.len() < 100_000 => {
                    let tail = octets[place..].to_vec();
                    octets.extend(tail);
                }
                _ => {}
            }
        }
        bodies::cloudtrail(&octets);
        bodies::seen(&octets);
    }
}
