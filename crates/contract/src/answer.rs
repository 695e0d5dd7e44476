//! The JSON answers.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_authority::Authority;
use chancery_authority::authority::Ca;
use chancery_authority::issue::Issued;
use chancery_authority::port::ledger::CertificateRecord;
use chancery_x509::certificate::Certificate;
use chancery_x509::name::Name;
use serde::Serialize;

use crate::{TlsCertRequest, contract_time};

/// The answer to a granted request, as the contract's JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TlsCertAnswer {
    /// The certificate's main fields.
    pub certificate_info: CertificateInfo,
    /// Base64 of the certificate's PEM; with `cert_bundle` of the chain's PEM too, leaf first.
    pub base64_certificate: String,
    /// The subject, RFC 4514.
    pub subject: String,
    /// The chain.
    #[serde(flatten)]
    pub chain: ChainAnswer,
    /// What was requested and is not in the certificate, one text each; omitted if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// The answer to `ca_chain_only`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChainAnswer {
    /// Base64 of the issuing CA certificate's PEM.
    pub base64_issuing_ca_certificate: String,
    /// Base64 of the root CA certificate's PEM.
    pub base64_root_ca_certificate: String,
    /// Base64 of the chain's PEM: issuing CA first, root last, one newline between them and none at the end.
    pub base64_ca_chain: String,
}

/// The answer to a refused request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorAnswer {
    /// The reason, as text.
    pub error: String,
}

/// A certificate's main fields in the contract's form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CertificateInfo {
    /// The common name.
    pub common_name: String,
    /// The serial number, decimal.
    pub serial_number: String,
    /// notBefore, `YYYY-MM-DD HH:MM:SS`.
    pub issued: String,
    /// notAfter, in the same form.
    pub expires: String,
}

impl From<&CertificateRecord> for CertificateInfo {
    fn from(record: &CertificateRecord) -> Self {
        Self {
            common_name: record.common_name.clone(),
            serial_number: record.id.serial.to_string(),
            issued: contract_time(record.not_before),
            expires: contract_time(record.not_after),
        }
    }
}

impl TlsCertAnswer {
    /// The answer with a certificate that the authority issued for that request.
    pub fn new(authority: &Authority, issued: &Issued, request: &TlsCertRequest) -> Self {
        let chain = authority.chain(&issued.record.id.issuer);
        let pem = chancery_x509::pem::encode("CERTIFICATE", &issued.record.certificate);
        let base64_certificate = if request.cert_bundle {
            let bundle = std::iter::once(&pem).chain(chain.iter().map(|ca| &ca.pem));
            STANDARD.encode(bundle.map(String::as_str).collect::<String>())
        } else {
            STANDARD.encode(pem)
        };
        Self {
            certificate_info: CertificateInfo::from(&issued.record),
            base64_certificate,
            subject: issued
                .subject
                .as_ref()
                .map_or_else(|| subject_of(&issued.record), Name::to_rfc4514),
            chain: ChainAnswer::of(&chain),
            warnings: issued.warnings.clone(),
        }
    }
}

impl ChainAnswer {
    /// The chain of the CA of the request's profile. `None` if that CA does not exist yet.
    pub fn new(authority: &Authority, request: &TlsCertRequest) -> Option<Self> {
        let ca = authority.issuer_of(request.profile.as_deref())?;
        Some(Self::of(&authority.chain(ca.name())))
    }

    fn of(chain: &[Arc<Ca>]) -> Self {
        let encoded = |ca: Option<&Arc<Ca>>| ca.map(|ca| STANDARD.encode(&ca.pem)).unwrap_or_default();
        let trimmed: Vec<&str> = chain.iter().map(|ca| ca.pem.trim()).collect();
        Self {
            base64_issuing_ca_certificate: encoded(chain.first()),
            base64_root_ca_certificate: encoded(chain.last()),
            base64_ca_chain: STANDARD.encode(trimmed.join("\n")),
        }
    }
}

/// RFC 4514 text of a recorded certificate's subject. Certificates of this authority can be parsed; if the row is
/// damaged, the common name is used.
pub(crate) fn subject_of(record: &CertificateRecord) -> String {
    match Certificate::parse(&record.certificate) {
        Ok(certificate) => certificate.subject().to_rfc4514(),
        Err(_) => format!("CN={}", record.common_name),
    }
}
