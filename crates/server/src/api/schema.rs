//! The drop-in contract's request and answer, as the OpenAPI document describes them. The types actually read and
//! written are [`chancery_authority::wire`]'s, which do not depend on OpenAPI; tests compare the two.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A CSR for `www.example.com`, whose private key was discarded.
const EXAMPLE_CSR: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIVk1Id0NBUUF3R2pFWU1CWUdBMVVFQXd3UGQzZDNMbVY0WVcxd2JHVXVZMjl0TUZrd0V3WUhLb1pJemowQwpBUVlJS29aSXpqMERBUWNEUWdBRVE0RHc2bklnRWpRSjlucmRSeE82M0lpaFVMdWxvVm5IaXdlaWErRU9HckpICnpjOGdKdWpvNFBkZ0VtR3dPelRYVlFxeWtXUzYvVERPNTc1bXZSTHpFcUFBTUFvR0NDcUdTTTQ5QkFNQ0Ewa0EKTUVZQ0lRRENIT0YrTVlJUEE2R1kyODZLR00rYUFNK29OL1lqekpzT0E4TGRKVlkrSkFJaEFOeEsraGI0UEZBQQpkSHJZam5jWk44Y3o3eUNXR1hJbVRhRDlLbFRDVTJqNAotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K";

/// Either kind of request. With `ca_chain_only` nothing else of it is looked at, so it is well formed whatever else it says.
#[derive(Debug)]
pub struct CertificateRequest;

impl PartialSchema for CertificateRequest {
    fn schema() -> RefOr<Schema> {
        AnyOfBuilder::new()
            .item(Ref::from_schema_name(TlsCertRequest::name()))
            .item(Ref::from_schema_name(ChainRequest::name()))
            .into()
    }
}

impl ToSchema for CertificateRequest {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((TlsCertRequest::name().into_owned(), TlsCertRequest::schema()));
        TlsCertRequest::schemas(schemas);
        schemas.push((ChainRequest::name().into_owned(), ChainRequest::schema()));
    }
}

/// A request for the chain alone.
#[derive(Debug)]
pub struct ChainRequest;

impl PartialSchema for ChainRequest {
    fn schema() -> RefOr<Schema> {
        let yes = ObjectBuilder::new()
            .schema_type(Type::Boolean)
            .enum_values(Some([true]));
        ObjectBuilder::new()
            .description(Some("A request for the chain alone. Nothing else of it is looked at."))
            .property("ca_chain_only", yes)
            .required("ca_chain_only")
            .into()
    }
}

impl ToSchema for ChainRequest {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ChainRequest")
    }
}

/// RFC 5280's names of reasons.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub enum Reason {
    /// No reason.
    Unspecified,
    /// The key is known or suspected to be compromised.
    KeyCompromise,
    /// The same, for a CA's key.
    #[schema(rename = "cACompromise")]
    CaCompromise,
    /// The subject's name or place changed.
    AffiliationChanged,
    /// Another certificate took its place.
    Superseded,
    /// It is not used any more.
    CessationOfOperation,
    /// The subject may not have it any more.
    PrivilegeWithdrawn,
    /// Of an attribute authority's key.
    #[schema(rename = "aACompromise")]
    AaCompromise,
}

/// The serial number in a path.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "describes what the handlers read themselves")]
pub struct SerialParameter {
    /// Serial number, decimal or 0x….
    #[param(pattern = "^([0-9]{1,49}|0x[0-9a-fA-F]{1,40})$")]
    serial_number: String,
}

/// A request that can be repeated.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "describes what the handlers read themselves")]
pub struct IdempotencyKey {
    /// Up to 128 printable characters; repeating the request with it gets the same certificate.
    #[param(value_type = String, required = false, pattern = "^[!-~]([ -~]{0,126}[!-~])?$", rename = "Idempotency-Key")]
    idempotency_key: Option<String>,
}

/// Alternative names, in every form that the contract takes.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum AltNames {
    /// One DNS name.
    One(String),
    /// Several, of any type.
    List(Vec<ListedAltName>),
    /// By type.
    ByType(BTreeMap<String, AltNameValues>),
}

/// One of a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ListedAltName {
    /// A DNS name.
    Dns(String),
    /// Of any type.
    Typed(TypedAltName),
}

/// A name with its type.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TypedAltName {
    /// `DNS_NAME`, `IP_ADDRESS`, `EMAIL_ADDRESS`, `URL`, `DN`; by default `DNS_NAME`.
    pub r#type: Option<String>,
    /// The name.
    pub value: String,
}

/// Names of one type.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum AltNameValues {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

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
    /// Days; a longer lifetime than allowed is reduced, and `Warnings` says so.
    #[schema(example = 30, minimum = 1, maximum = 4_294_967_295_u64)]
    pub lifetime: Option<u32>,
    /// `client_auth`, `server_auth`; by default `client_auth`.
    #[schema(example = json!(["server_auth"]))]
    pub purposes: Option<Vec<String>>,
    /// Further usages, by name or OID.
    pub extended_key_usages: Option<Vec<String>>,
    /// A DNS name, a list of them, a map from type to value or values, or a list of `{type, value}`. Types: `DNS_NAME`,
    /// `IP_ADDRESS`, `EMAIL_ADDRESS`, `URL`, `DN`.
    #[schema(value_type = Option<AltNames>, example = json!([{"type": "DNS_NAME", "value": "www.example.com"}]))]
    pub sans: Option<serde_json::Value>,
    /// Take the alternative names that the CSR asks for, too.
    pub sans_from_csr: Option<bool>,
    /// Custom extensions, as far as the configuration allows them.
    pub extensions: Option<Vec<CustomExtension>>,
    /// Base64 of a CSR in PEM.
    #[schema(example = json!(EXAMPLE_CSR))]
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
    /// Send notices before the certificate expires.
    pub notify_expiry: Option<bool>,
    /// Send a notice when it is issued.
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

/// The certificate and its chain. With `ca_chain_only`, only `Base64IssuingCaCertificate`, `Base64RootCaCertificate`
/// and `Base64CaChain`.
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
    /// What was requested but is not in the certificate: one text for each alternative name, purpose and subject
    /// attribute that was left out, and for a lifetime that was reduced. Absent if there is none.
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
