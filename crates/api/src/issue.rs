//! A certificate is asked for, or renewed: the drop-in contract's request and answer.
//!
//! They are what a client sends and reads. The server reads requests as leniently as the contract demands, with a parser of
//! its own; a test holds it to these types.

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
            .item(Ref::from_schema_name(IssueRequest::name()))
            .item(Ref::from_schema_name(ChainRequest::name()))
            .into()
    }
}

impl ToSchema for CertificateRequest {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((IssueRequest::name().into_owned(), IssueRequest::schema()));
        IssueRequest::schemas(schemas);
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

/// Alternative names, in every form that the contract takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ListedAltName {
    /// A DNS name.
    Dns(String),
    /// Of any type.
    Typed(TypedAltName),
}

/// A name with its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TypedAltName {
    /// `DNS_NAME`, `IP_ADDRESS`, `EMAIL_ADDRESS`, `URL`, `DN`; by default `DNS_NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// The name.
    pub value: String,
}

/// Names of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum AltNameValues {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// A request for a certificate. Unknown fields are ignored.
// The server parses it into `contract::TlsCertRequest`. In the OpenAPI document it keeps the contract's name, by which
// generated clients know it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = TlsCertRequest)]
pub struct IssueRequest {
    /// Required unless `ca_chain_only` or `no_common_name`, or a profile is named and the CSR has one.
    #[schema(example = "www.example.com")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// In place of the CSR's own; so are the next five.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// ST
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// L
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    /// O
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// OU
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organizational_unit: Option<String>,
    /// emailAddress
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_address: Option<String>,
    /// Issue without a common name; then an alternative name is needed, or another subject field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_common_name: Option<bool>,
    /// Days; a longer lifetime than allowed is reduced, and `Warnings` says so.
    #[schema(example = 30, minimum = 1, maximum = 4_294_967_295_u64)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<u32>,
    /// `client_auth`, `server_auth`; by default `client_auth`.
    #[schema(example = json!(["server_auth"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purposes: Option<Vec<String>>,
    /// Further usages, by name or OID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extended_key_usages: Option<Vec<String>>,
    /// A DNS name, a list of them, a map from type to value or values, or a list of `{type, value}`. Types: `DNS_NAME`,
    /// `IP_ADDRESS`, `EMAIL_ADDRESS`, `URL`, `DN`.
    #[schema(example = json!([{"type": "DNS_NAME", "value": "www.example.com"}]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sans: Option<AltNames>,
    /// Take the alternative names that the CSR asks for, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sans_from_csr: Option<bool>,
    /// Custom extensions, as far as the configuration allows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Vec<CustomExtension>>,
    /// Base64 of a CSR in PEM.
    #[schema(example = json!(EXAMPLE_CSR))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base64_csr_data: Option<String>,
    /// Instead: a file in the folder `csrs` of the authority's data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csr_file: Option<String>,
    /// Name of a profile.
    #[schema(example = "tls-server")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Accept a key that is already certified for this common name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_issue: Option<bool>,
    /// `Base64Certificate` shall hold the chain too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_bundle: Option<bool>,
    /// Send notices before the certificate expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify_expiry: Option<bool>,
    /// Send a notice when it is issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify_issued: Option<bool>,
}

/// A custom extension.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CustomExtension {
    /// Dotted.
    pub oid: String,
    /// Base64 of its DER value.
    pub value_b64: String,
    /// Whether it is marked critical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical: Option<bool>,
}

/// The certificate and its chain. With `ca_chain_only`, only `Base64IssuingCaCertificate`, `Base64RootCaCertificate`
/// and `Base64CaChain`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = TlsCertAnswer)]
pub struct IssueAnswer {
    /// Facts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_info: Option<CertificateInfo>,
    /// Base64 of the certificate's PEM; with `cert_bundle` of the whole chain's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base64_certificate: Option<String>,
    /// RFC 4514.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Base64 of PEM.
    pub base64_issuing_ca_certificate: String,
    /// Base64 of PEM.
    pub base64_root_ca_certificate: String,
    /// Base64 of PEM: issuing CA, root.
    pub base64_ca_chain: String,
    /// What was requested but is not in the certificate: one text for each alternative name, purpose and subject
    /// attribute that was left out, and for a lifetime that was reduced. Absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<String>>,
}

/// Facts of a certificate.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
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

/// A renewal; with a client certificate, an empty body renews for the same key.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewRequest {
    /// Base64 of a CSR in PEM or DER: the certificate is renewed for its key, the same or a new one; everything else
    /// stays as it was. Required with a token, as proof that the caller has the key.
    #[serde(
        default,
        deserialize_with = "crate::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = String, required = false)]
    pub base64_csr_data: Option<String>,
}
