//! A request's digest: detects whether a token is repeated with the same request.

use aws_lc_rs::digest::{Context, SHA256};

use crate::wire::{AltNameText, RequestedNames, TlsCertRequest};

/// SHA-256 over every field that decides the certificate or its notices, each prefixed with its length, so that no two
/// requests hash the same octets.
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
    // Added only where they are set, so that requests from before these fields existed keep their digests.
    for (wish, name) in [
        (request.no_common_name, "no_common_name"),
        (request.sans_from_csr, "sans_from_csr"),
    ] {
        if wish {
            fields.value(name.as_bytes());
        }
    }
    fields.finish()
}

/// SHA-256 of a renewal: the renewed serial, and the key that the new certificate is for. The rest of the CSR does not
/// count, since a repeated one has another signature.
pub(super) fn of_renewal(serial: &[u8], key: &[u8]) -> [u8; 32] {
    let mut fields = Fields::new("renewal");
    fields.value(serial);
    fields.value(key);
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chancery_x509::extension::extended_key_usage;
    use chancery_x509::san::AltName;

    use super::*;
    use crate::wire::{CsrSource, Purpose, RequestedExtension};

    #[test]
    fn whatever_decides_the_certificate_changes_the_digest() {
        let dns = |name: &str| AltName::Dns(name.into());
        let extension = |critical| RequestedExtension {
            oid: "1.2.3".into(),
            value_b64: "BQA=".into(),
            critical,
        };
        let text = || Some("x".to_owned());
        let changes: [fn(&mut TlsCertRequest, Option<String>); 15] = [
            |_, _| {},
            |request, text| request.subject.common_name = text,
            |request, text| request.subject.country = text,
            |request, text| request.subject.email_address = text,
            |request, text| request.subject.locality = text,
            |request, text| request.subject.organization = text,
            |request, text| request.subject.organizational_unit = text,
            |request, text| request.subject.state = text,
            |request, text| request.profile = text,
            |request, _| request.lifetime_days = Some(1),
            |request, _| request.force_issue = true,
            |request, _| request.notify_expiry = Some(true),
            |request, _| request.notify_expiry = Some(false),
            |request, _| request.notify_issued = Some(true),
            |request, _| request.csr = Some(CsrSource::Inline(vec![1])),
        ];
        let mut requests: Vec<TlsCertRequest> = changes
            .iter()
            .map(|change| {
                let mut request = TlsCertRequest::default();
                change(&mut request, text());
                request
            })
            .collect();
        let mut with = |change: &dyn Fn(&mut TlsCertRequest)| {
            let mut request = TlsCertRequest::default();
            change(&mut request);
            requests.push(request);
        };
        with(&|request| request.purposes = vec![Purpose::ServerAuth]);
        with(&|request| request.purposes = vec![Purpose::ClientAuth]);
        with(&|request| request.extended_key_usages = extended_key_usage("CODE_SIGNING").into_iter().collect());
        with(&|request| request.extended_key_usages = extended_key_usage("ANY").into_iter().collect());
        with(&|request| request.alt_names = RequestedNames::Listed(Vec::new()));
        with(&|request| request.alt_names = RequestedNames::Listed(vec![dns("a.b")]));
        with(&|request| request.alt_names = RequestedNames::Listed(vec![AltName::Email("a.b".into())]));
        with(&|request| request.alt_names = RequestedNames::Listed(vec![dns("a"), dns("b")]));
        with(&|request| request.alt_names = RequestedNames::Listed(vec![dns("b"), dns("a")]));
        with(&|request| request.extensions = vec![extension(false)]);
        with(&|request| request.extensions = vec![extension(true)]);
        with(&|request| request.no_common_name = true);
        with(&|request| request.sans_from_csr = true);

        let digests: BTreeSet<_> = requests.iter().map(of_request).collect();
        assert_eq!(digests.len(), requests.len(), "each differs from every other");
        assert_eq!(of_request(&requests[3]), of_request(&requests[3].clone()));
    }

    #[test]
    fn how_the_answer_is_wrapped_does_not() {
        let bundle = TlsCertRequest {
            cert_bundle: true,
            warnings: vec!["left out".into()],
            ..TlsCertRequest::default()
        };
        assert_eq!(of_request(&bundle), of_request(&TlsCertRequest::default()));
    }

    #[test]
    fn renewals_differ_from_requests_and_from_each_other() {
        let digests = BTreeSet::from([
            of_request(&TlsCertRequest::default()),
            of_renewal(&[1], &[1]),
            of_renewal(&[2], &[1]),
            of_renewal(&[1], &[2]),
            of_renewal(&[1, 1], &[]),
        ]);
        assert_eq!(digests.len(), 5);
    }
}
