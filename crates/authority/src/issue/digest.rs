//! A request's digest: whether a token comes with the same request again.

use aws_lc_rs::digest::{Context, SHA256};

use crate::wire::{AltNameText, RequestedNames, TlsCertRequest};

/// SHA-256 over every field that decides the certificate or what is told of it, each with its length before it, so that no
/// two requests write the same octets.
pub(super) fn of_request(request: &TlsCertRequest) -> [u8; 32] {
    let mut fields = Fields::new("request");
    let subject = &request.subject;
    for value in [
        &subject.common_name,
        &subject.country,
        &subject.email_address,
        &subject.locality,
        &subject.organization,
        &subject.organizational_unit,
        &subject.state,
        &request.profile,
    ] {
        fields.optional(value.as_deref().map(str::as_bytes));
    }
    fields.optional(
        request
            .lifetime_days
            .map(u64::to_be_bytes)
            .as_ref()
            .map(<[u8; 8]>::as_slice),
    );
    fields.count(request.purposes.len());
    for purpose in &request.purposes {
        fields.value(purpose.name().as_bytes());
    }
    fields.count(request.extended_key_usages.len());
    for usage in &request.extended_key_usages {
        fields.value(usage.as_bytes());
    }
    match &request.alt_names {
        RequestedNames::FromCommonName => fields.optional(None),
        RequestedNames::Listed(names) => {
            fields.optional(Some(b"listed"));
            fields.count(names.len());
            for AltNameText { kind, value } in names.iter().map(AltNameText::from) {
                fields.value(kind.as_bytes());
                fields.value(value.as_bytes());
            }
        }
    }
    fields.count(request.extensions.len());
    for extension in &request.extensions {
        fields.value(extension.oid.as_bytes());
        fields.value(extension.value_b64.as_bytes());
        fields.flag(Some(extension.critical));
    }
    fields.optional(request.csr.as_ref().and_then(|csr| csr.octets()));
    fields.flag(Some(request.force_issue));
    fields.flag(request.notify_expiry);
    fields.flag(request.notify_issued);
    fields.finish()
}

/// SHA-256 of a renewal: the serial renewed, and the new CSR if there is one.
pub(super) fn of_renewal(serial: &[u8], csr: Option<&[u8]>) -> [u8; 32] {
    let mut fields = Fields::new("renewal");
    fields.value(serial);
    fields.optional(csr);
    fields.finish()
}

struct Fields(Context);

impl Fields {
    fn new(kind: &str) -> Self {
        let mut fields = Self(Context::new(&SHA256));
        fields.value(kind.as_bytes());
        fields
    }

    fn count(&mut self, count: usize) {
        self.0.update(&(count as u64).to_be_bytes());
    }

    fn value(&mut self, octets: &[u8]) {
        self.count(octets.len());
        self.0.update(octets);
    }

    fn optional(&mut self, octets: Option<&[u8]>) {
        self.0.update(&[u8::from(octets.is_some())]);
        self.value(octets.unwrap_or_default());
    }

    fn flag(&mut self, flag: Option<bool>) {
        self.0.update(&[match flag {
            None => 0,
            Some(false) => 1,
            Some(true) => 2,
        }]);
    }

    fn finish(self) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.0.finish().as_ref());
        digest
    }
}
