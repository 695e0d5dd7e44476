//! A request's digest: detects whether a token is repeated with the same request.

use aws_lc_rs::digest::{Context, SHA256};

/// SHA-256 of a renewal: the renewed serial, and the key that the new certificate is for. The rest of the CSR does not
/// count, since a repeated one has another signature.
pub(super) fn of_renewal(serial: &[u8], key: &[u8]) -> [u8; 32] {
    let mut fields = RequestDigest::new("renewal");
    fields.value(serial);
    fields.value(key);
    fields.finish()
}

/// SHA-256 over the fields of a request, each prefixed with its length, so that no two requests hash the same octets. Each
/// front digests what it received: every field that decides the certificate or its events.
pub struct RequestDigest(Context);

impl RequestDigest {
    /// The digest of a request of that kind, without a field yet.
    pub fn new(kind: &str) -> Self {
        let mut fields = Self(Context::new(&SHA256));
        fields.value(kind.as_bytes());
        fields
    }

    /// Adds the number of fields that follow.
    pub fn count(&mut self, count: usize) {
        self.0.update(&(count as u64).to_be_bytes());
    }

    /// Adds a field.
    pub fn value(&mut self, octets: &[u8]) {
        self.count(octets.len());
        self.0.update(octets);
    }

    /// Adds a field that may be missing: a missing one differs from an empty one.
    pub fn optional(&mut self, octets: Option<&[u8]>) {
        self.0.update(&[u8::from(octets.is_some())]);
        self.value(octets.unwrap_or_default());
    }

    /// Adds a flag that may be missing.
    pub fn flag(&mut self, flag: Option<bool>) {
        self.0.update(&[match flag {
            None => 0,
            Some(false) => 1,
            Some(true) => 2,
        }]);
    }

    /// The digest.
    pub fn finish(self) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.0.finish().as_ref());
        digest
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn renewals_differ_from_requests_and_from_each_other() {
        let digests = BTreeSet::from([
            RequestDigest::new("request").finish(),
            of_renewal(&[1], &[1]),
            of_renewal(&[2], &[1]),
            of_renewal(&[1], &[2]),
            of_renewal(&[1, 1], &[]),
        ]);
        assert_eq!(digests.len(), 5);
    }
}
