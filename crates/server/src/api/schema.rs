//! The drop-in contract's request and answer, as the OpenAPI document describes them. The types that are really read and
//! written are [`chancery_authority::wire`]'s, which know nothing of OpenAPI; tests hold the two together.

use serde::{Deserialize, Serialize};

/// A request for a certificate. Unknown fields are ignored.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TlsCertRequest {
    /// Required unless `ca_chain_only` or `no_common_name`, or a profile is named and the CSR has one.
    #[schema(example = "www.example.com")]
    pub common_name: Option<String>,
    /// In place of the CSR's own; so are the next five.
    pub country: Option<String>,
    /// ST
    pub state: Option<String>,
    /// L
    pub locality: Option<String>,
    /// O
    pub organization: Option<String>,
    /// OU
    pub organizational_unit: Option<String>,
    /// emailAddress
    pub email_address: Option<String>,
    /// Issue without a common name; then an alternative name is needed, or another subject field.
    pub no_common_name: Option<bool>,
    /// Days; more than allowed is reduced, which `Warnings` tells.
    #[schema(example = 30, minimum = 1)]
    pub lifetime: Option<u32>,
    /// `client_auth`, `server_auth`; by default `client_auth`.
    #[schema(example = json!(["server_auth"]))]
    pub purposes: Option<Vec<String>>,
    /// Further usages, by name or OID.
    pub extended_key_usages: Option<Vec<String>>,
    /// A DNS name, a list of them, a map from type to value or values, or a list of `{type, value}`. Types: `DNS_NAME`,
    /// `IP_ADDRESS`, `EMAIL_ADDRESS`, `URL`, `DN`.
    #[schema(value_type = Option<Object>, example = json!([{"type": "DNS_NAME", "value": "www.example.com"}]))]
    pub sans: Option<serde_json::Value>,
    /// Take the alternative names that the CSR asks for, too.
    pub sans_from_csr: Option<bool>,
    /// Custom extensions, as far as the configuration allows them.
    pub extensions: Option<Vec<CustomExtension>>,
    /// Base64 of a CSR in PEM.
    pub base64_csr_data: Option<String>,
    /// Instead: a file in the folder `csrs` of the authority's data folder.
    pub csr_file: Option<String>,
    /// Name of a profile.
    #[schema(example = "tls-server")]
    pub profile: Option<String>,
    /// Accept a key that is already certified for this common name.
    pub force_issue: Option<bool>,
    /// `Base64Certificate` shall hold the chain too.
    pub cert_bundle: Option<bool>,
    /// Answer the chain alone.
    pub ca_chain_only: Option<bool>,
    /// Tell of the certificate's expiry.
    pub notify_expiry: Option<bool>,
    /// Tell of its issuance.
    pub notify_issued: Option<bool>,
}

/// A custom extension.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CustomExtension {
    /// Dotted.
    pub oid: String,
    /// Base64 of its DER value.
    pub value_b64: String,
    /// Whether it is marked critical.
    pub critical: Option<bool>,
}

/// The certificate and its chain. With `ca_chain_only`: the last three fields alone.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TlsCertAnswer {
    /// Facts.
    pub certificate_info: Option<CertificateInfo>,
    /// Base64 of the certificate's PEM; with `cert_bundle` of the whole chain's.
    pub base64_certificate: Option<String>,
    /// RFC 4514.
    pub subject: Option<String>,
    /// Base64 of PEM.
    pub base64_issuing_ca_certificate: String,
    /// Base64 of PEM.
    pub base64_root_ca_certificate: String,
    /// Base64 of PEM: issuing CA, root.
    pub base64_ca_chain: String,
    /// What was asked for and is not in the certificate, one text for each alternative name, purpose and subject
    /// attribute that was left out, and for a lifetime that was reduced. Absent where there is nothing to say.
    pub warnings: Option<Vec<String>>,
}

/// Facts of a certificate.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CertificateInfo {
    /// CN; of a certificate without one its first alternative name
    pub common_name: String,
    /// Decimal.
    pub serial_number: String,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub issued: String,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub expires: String,
}
