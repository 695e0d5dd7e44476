//! Rules for CRLs, in the order in which they run.

mod aki_issuer_serial_pair;
mod aki_missing;
mod aki_unlike_ca_ski;
mod certificate_issuer_misplaced;
mod der;
mod duplicate_serial;
mod entry_extension_critical_unknown;
mod entry_extension_duplicated;
mod entry_extension_false_encoded;
mod entry_extension_malformed;
mod entry_extensions_empty;
mod entry_in_future;
mod entry_serial_range;
mod entry_time;
mod extension_critical_unknown;
mod extension_duplicated;
mod extension_false_encoded;
mod extension_malformed;
mod extensions_empty;
mod idp_contradiction;
mod idp_empty;
mod idp_uri;
mod invalidity_date_encoding;
mod issuer_cannot_sign_crls;
mod issuer_empty;
mod issuer_unlike_ca_subject;
mod next_update_missing;
mod number_range;
mod reason_remove_from_crl;
mod reason_unknown;
mod reason_unspecified;
mod revoked_empty;
mod signature_algorithm_mismatch;
mod signature_algorithm_parameters;
mod signature_algorithm_unlike_ca_key;
mod signature_algorithm_weak;
mod time_encoding;
mod time_type;
mod update_order;
mod version_not_v2;

use super::{Rule, extension_table};

/// The rule that reports everything that cannot be parsed.
pub(super) const NOT_DER: Rule = der::RULE;

pub(super) static RULES: &[Rule] = &[
    der::RULE,
    version_not_v2::RULE,
    signature_algorithm_mismatch::RULE,
    signature_algorithm_parameters::RULE,
    signature_algorithm_weak::RULE,
    signature_algorithm_unlike_ca_key::RULE,
    issuer_empty::RULE,
    issuer_unlike_ca_subject::RULE,
    issuer_cannot_sign_crls::RULE,
    update_order::RULE,
    next_update_missing::RULE,
    time_encoding::RULE,
    time_type::RULE,
    revoked_empty::RULE,
    extensions_empty::RULE,
    extension_duplicated::RULE,
    extension_false_encoded::RULE,
    extension_malformed::RULE,
    extension_critical_unknown::RULE,
    aki_missing::RULE,
    extension_table::CRL_AKI_CRITICAL,
    aki_issuer_serial_pair::RULE,
    aki_unlike_ca_ski::RULE,
    extension_table::CRL_NUMBER_MISSING,
    extension_table::CRL_NUMBER_CRITICAL,
    number_range::RULE,
    extension_table::CRL_IDP_NOT_CRITICAL,
    idp_empty::RULE,
    idp_contradiction::RULE,
    idp_uri::RULE,
    extension_table::CRL_DELTA_NOT_CRITICAL,
    duplicate_serial::RULE,
    entry_serial_range::RULE,
    entry_time::RULE,
    entry_in_future::RULE,
    entry_extensions_empty::RULE,
    entry_extension_duplicated::RULE,
    entry_extension_false_encoded::RULE,
    entry_extension_malformed::RULE,
    entry_extension_critical_unknown::RULE,
    extension_table::CRL_REASON_CRITICAL,
    reason_unspecified::RULE,
    reason_unknown::RULE,
    reason_remove_from_crl::RULE,
    extension_table::CRL_INVALIDITY_DATE_CRITICAL,
    invalidity_date_encoding::RULE,
    certificate_issuer_misplaced::RULE,
];
