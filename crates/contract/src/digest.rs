//! The digest of a request as it was received: see [`RequestDigest`].

use chancery_authority::issue::{RequestDigest, RequestedNames};

use crate::{AltNameText, TlsCertRequest, purpose_name};

/// SHA-256 over every field that decides the certificate or its notices. Tokens in existing ledgers depend on each octet.
pub(crate) fn of_request(request: &TlsCertRequest) -> [u8; 32] {
    let mut fields = RequestDigest::new("request");
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
        fields.value(purpose_name(*purpose).as_bytes());
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chancery_authority::issue::TlsPurpose;
    use chancery_x509::extension::extended_key_usage;
    use chancery_x509::san::AltName;
    use data_encoding::HEXLOWER;
    use serde_json::json;

    use super::*;
    use crate::{CsrSource, RequestedExtension};

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
        with(&|request| request.purposes = vec![TlsPurpose::ServerAuth]);
        with(&|request| request.purposes = vec![TlsPurpose::ClientAuth]);
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

    /// Tokens in existing ledgers go on matching: each digest is the one of the release before the core's request existed.
    #[test]
    fn digests_are_those_of_existing_ledgers() {
        let all = json!({
            "common_name": "c.example.com", "country": "GB", "state": "London", "locality": "Soho",
            "organization": "Acme, Inc.", "organizational_unit": "Ops", "email_address": "a@example.com", "lifetime": 90,
            "purposes": ["server_auth", "client_auth"], "extended_key_usages": ["CODE_SIGNING"],
            "sans": [{ "type": "DNS_NAME", "value": "a.example.com" }, { "type": "IP_ADDRESS", "value": "192.0.2.1" }],
            "extensions": [{ "oid": "1.3.6.1.4.1.55555.1", "value_b64": "BAA=", "critical": true }],
            "base64_csr_data": "YSBDU1I=", "force_issue": true, "notify_expiry": true, "notify_issued": false,
            "profile": "device", "sans_from_csr": true,
        });
        let minimal = json!({ "common_name": "a.example.com", "base64_csr_data": "YSBDU1I=" });
        for (request, digest) in [
            (all, "af57a928813f92d495c33e8346737637e775d88269bef0429728072a4c6d53a5"),
            (
                minimal,
                "5f8c041107128131032cb2438834b9cc9051c5bf92cda8695e88d33708b8a56e",
            ),
        ] {
            let request = TlsCertRequest::from_value(&request).unwrap();
            assert_eq!(HEXLOWER.encode(&of_request(&request)), digest);
        }
    }
}
