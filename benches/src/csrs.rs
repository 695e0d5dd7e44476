//! Certification requests with distinct P-256 keys, generated before the measurement.

use anyhow::Result;
use chancery_testing::Requester;

/// A request in DER for a fresh key.
pub(crate) fn csr(common_name: &str) -> Vec<u8> {
    Requester::new().csr(common_name)
}

/// Many of them, generated on all cores.
pub(crate) fn csrs(count: usize) -> Result<Vec<(String, Vec<u8>)>> {
    let cores = std::thread::available_parallelism()?.get();
    let name = |index: usize| format!("host-{index:07}.example.com");
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores)
            .map(|core| {
                scope.spawn(move || -> Vec<(String, Vec<u8>)> {
                    (core..count)
                        .step_by(cores)
                        .map(|index| (name(index), csr(&name(index))))
                        .collect()
                })
            })
            .collect();
        let mut all = Vec::with_capacity(count);
        for worker in workers {
            all.extend(worker.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?);
        }
        Ok(all)
    })
}
