//! Rules for certificates, in the order in which they run.

mod aki_issuer_serial_pair;
mod aki_unlike_ca_ski;
mod aki_without_key_identifier;
mod authority_info_access_uri;
mod basic_constraints_false_encoded;
mod ca_subject_empty;
mod common_name_not_in_san;
mod der;
mod distribution_point_uri;
mod distribution_point_without_location;
mod ec_curve;
mod ec_point_form;
mod eku_any;
mod eku_any_critical;
mod eku_duplicate;
mod eku_empty;
mod eku_time_stamping;
mod eku_unfit_for_key_usage;
mod extension_critical_forbidden;
mod extension_critical_unknown;
mod extension_duplicated;
mod extension_false_encoded;
mod extension_malformed;
mod extension_value_not_der;
mod extensions_empty;
mod issuer_empty;
mod issuer_not_ca;
mod issuer_unlike_ca_subject;
mod key_cert_sign_unlike_ca;
mod key_usage_empty;
mod key_usage_encipher_only;
mod key_usage_encoding;
mod key_usage_unfit_for_key;
/// Matching of names with subtrees of name constraints.
mod matching;
mod name_characters;
mod name_constraints_base;
mod name_constraints_distance;
mod name_constraints_empty;
mod name_control_characters;
mod name_country;
mod name_domain_component;
mod name_outside_constraints;
mod name_string_type;
mod name_value_length;
mod outlives_ca;
mod path_len_without_ca;
mod path_too_long;
mod policies_duplicate;
mod public_key_malformed;
mod public_key_parameters;
mod public_key_unknown;
mod rdn_duplicate_type;
mod rsa_exponent;
mod rsa_key_size;
mod san_directory_empty;
mod san_dns_ip_address;
mod san_dns_syntax;
mod san_dns_wildcard;
mod san_duplicate;
mod san_email_syntax;
mod san_empty;
mod san_ip_length;
mod san_uri_syntax;
mod serial_not_positive;
mod serial_predictable;
mod serial_too_long;
mod signature_algorithm_mismatch;
mod signature_algorithm_parameters;
mod signature_algorithm_unlike_ca_key;
mod signature_algorithm_weak;
mod ski_unlike_key;
mod subject_email_not_in_san;
mod subject_empty_without_critical_san;
mod time_encoding;
mod time_type;
mod unique_identifier;
mod validity_long;
mod validity_order;
mod validity_without_end;
mod version_not_v3;

use super::{Rule, extension_table};

/// The rule that reports everything that cannot be parsed.
pub(super) const NOT_DER: Rule = der::RULE;

/// The name of that rule.
pub(crate) const KEY_USAGE_UNFIT_FOR_KEY: &str = key_usage_unfit_for_key::RULE.name;

pub(super) static RULES: &[Rule] = &[
    der::RULE,
    version_not_v3::RULE,
    unique_identifier::RULE,
    serial_not_positive::RULE,
    serial_too_long::RULE,
    serial_predictable::RULE,
    signature_algorithm_mismatch::RULE,
    signature_algorithm_parameters::RULE,
    signature_algorithm_weak::RULE,
    signature_algorithm_unlike_ca_key::RULE,
    issuer_empty::RULE,
    issuer_unlike_ca_subject::RULE,
    validity_order::RULE,
    time_encoding::RULE,
    time_type::RULE,
    validity_without_end::RULE,
    validity_long::RULE,
    outlives_ca::RULE,
    ca_subject_empty::RULE,
    subject_empty_without_critical_san::RULE,
    extension_table::SAN_CRITICAL_BESIDE_SUBJECT,
    name_value_length::RULE,
    name_country::RULE,
    name_string_type::RULE,
    name_characters::RULE,
    name_control_characters::RULE,
    name_domain_component::RULE,
    rdn_duplicate_type::RULE,
    extensions_empty::RULE,
    extension_duplicated::RULE,
    extension_false_encoded::RULE,
    extension_malformed::RULE,
    extension_value_not_der::RULE,
    extension_critical_forbidden::RULE,
    extension_critical_unknown::RULE,
    extension_table::KEY_USAGE_MISSING_IN_CA,
    extension_table::KEY_USAGE_NOT_CRITICAL,
    key_usage_empty::RULE,
    key_usage_encoding::RULE,
    key_cert_sign_unlike_ca::RULE,
    key_usage_unfit_for_key::RULE,
    key_usage_encipher_only::RULE,
    extension_table::BASIC_CONSTRAINTS_NOT_CRITICAL,
    basic_constraints_false_encoded::RULE,
    path_len_without_ca::RULE,
    path_too_long::RULE,
    issuer_not_ca::RULE,
    extension_table::SKI_MISSING_IN_CA,
    extension_table::SKI_MISSING,
    extension_table::SKI_CRITICAL,
    ski_unlike_key::RULE,
    extension_table::AKI_MISSING,
    aki_without_key_identifier::RULE,
    extension_table::AKI_CRITICAL,
    aki_issuer_serial_pair::RULE,
    aki_unlike_ca_ski::RULE,
    eku_empty::RULE,
    eku_duplicate::RULE,
    eku_any::RULE,
    eku_any_critical::RULE,
    eku_time_stamping::RULE,
    eku_unfit_for_key_usage::RULE,
    san_empty::RULE,
    san_dns_syntax::RULE,
    san_dns_wildcard::RULE,
    san_dns_ip_address::RULE,
    san_email_syntax::RULE,
    san_uri_syntax::RULE,
    san_ip_length::RULE,
    san_directory_empty::RULE,
    san_duplicate::RULE,
    common_name_not_in_san::RULE,
    subject_email_not_in_san::RULE,
    extension_table::DISTRIBUTION_POINTS_CRITICAL,
    distribution_point_without_location::RULE,
    distribution_point_uri::RULE,
    extension_table::AUTHORITY_INFO_ACCESS_CRITICAL,
    authority_info_access_uri::RULE,
    policies_duplicate::RULE,
    extension_table::POLICY_CONSTRAINTS_NOT_CRITICAL,
    extension_table::POLICY_EXTENSIONS_IN_END_ENTITY,
    extension_table::NAME_CONSTRAINTS_NOT_CRITICAL,
    extension_table::NAME_CONSTRAINTS_IN_END_ENTITY,
    name_constraints_empty::RULE,
    name_constraints_distance::RULE,
    name_constraints_base::RULE,
    rsa_key_size::RULE,
    rsa_exponent::RULE,
    ec_curve::RULE,
    ec_point_form::RULE,
    public_key_parameters::RULE,
    public_key_malformed::RULE,
    public_key_unknown::RULE,
    name_outside_constraints::RULE,
];
