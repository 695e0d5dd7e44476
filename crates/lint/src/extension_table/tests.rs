//! What each row finds, and what it passes.

use const_oid::ObjectIdentifier;
use const_oid::db::DB;

use super::ALL;
use crate::Check;

/// A row with another extension's OID would find something else than it says.
#[test]
fn every_row_speaks_of_the_extensions_that_it_looks_for() {
    for row in ALL {
        let Check::Extension(rule) = row.check else {
            panic!("{} is no rule of the table", row.name);
        };
        for oid in rule.extensions {
            let oid = ObjectIdentifier::from_bytes(oid.0).unwrap();
            // As `id-ce-keyUsage`; a reason's OID has another name than its type.
            let name = match DB.by_oid(&oid).unwrap().rsplit_once('-').unwrap().1 {
                "cRLReasons" => "reasonCode",
                name => name,
            };
            for text in [row.summary, rule.message] {
                assert!(text.contains(name), "{}: {text:?} does not speak of {name}", row.name);
            }
        }
    }
}

mod aki_critical {
    use crate::testing::{CertificateParts, assert_found, assert_passes, key_identifier};
    use crate::view::oid;

    use super::super::AKI_CRITICAL as RULE;

    #[test]
    fn not_critical_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn critical_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::AUTHORITY_KEY_IDENTIFIER, true, &key_identifier(&[1; 20]))
                .lint(),
        );
    }
}

mod aki_missing {
    use crate::testing::{CertificateParts, assert_found, assert_passes};
    use crate::view::oid;

    use super::super::AKI_MISSING as RULE;

    #[test]
    fn present_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn a_root_needs_none() {
        assert_passes(&RULE, &CertificateParts::root().lint());
    }

    #[test]
    fn absent_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf().without(oid::AUTHORITY_KEY_IDENTIFIER).lint(),
        );
    }
}

mod authority_info_access_critical {
    use crate::testing::{CertificateParts, assert_found, assert_passes, oid, seq, uri};
    use crate::view::oid;

    use super::super::AUTHORITY_INFO_ACCESS_CRITICAL as RULE;

    #[test]
    fn not_critical_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn critical_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::AUTHORITY_INFO_ACCESS,
                    true,
                    &seq(&[&seq(&[&oid(oid::AD_OCSP), &uri("http://ocsp.example.com")])]),
                )
                .lint(),
        );
    }
}

mod basic_constraints_not_critical {
    use crate::testing::{CertificateParts, assert_found, assert_passes, seq};
    use crate::view::oid;

    use super::super::BASIC_CONSTRAINTS_NOT_CRITICAL as RULE;

    #[test]
    fn critical_passes() {
        assert_passes(&RULE, &CertificateParts::root().lint());
    }

    #[test]
    fn end_entities_need_not() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::BASIC_CONSTRAINTS, false, &seq(&[]))
                .lint(),
        );
    }

    #[test]
    fn not_critical_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::root()
                .with(oid::BASIC_CONSTRAINTS, false, &seq(&[&[1, 1, 0xff]]))
                .lint(),
        );
    }
}

mod distribution_points_critical {
    use crate::testing::{CertificateParts, assert_found, assert_passes, distribution_point, seq, uri};
    use crate::view::oid;

    use super::super::DISTRIBUTION_POINTS_CRITICAL as RULE;

    #[test]
    fn not_critical_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn critical_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::CRL_DISTRIBUTION_POINTS,
                    true,
                    &seq(&[&distribution_point(&[uri("http://a/b")])]),
                )
                .lint(),
        );
    }
}

mod key_usage_missing_in_ca {
    use crate::testing::{CertificateParts, assert_found, assert_passes};
    use crate::view::oid;

    use super::super::KEY_USAGE_MISSING_IN_CA as RULE;

    #[test]
    fn present_passes() {
        assert_passes(&RULE, &CertificateParts::issuing_ca().lint());
    }

    #[test]
    fn end_entities_may_have_none() {
        assert_passes(&RULE, &CertificateParts::leaf().without(oid::KEY_USAGE).lint());
    }

    #[test]
    fn absent_is_found() {
        assert_found(&RULE, &CertificateParts::issuing_ca().without(oid::KEY_USAGE).lint());
    }
}

mod key_usage_not_critical {
    use crate::testing::{CertificateParts, assert_found, assert_passes, key_usage};
    use crate::view::oid;

    use super::super::KEY_USAGE_NOT_CRITICAL as RULE;

    #[test]
    fn critical_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn not_critical_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::KEY_USAGE, false, &key_usage(1))
                .lint(),
        );
    }
}

mod name_constraints_in_end_entity {
    use crate::testing::{CertificateParts, assert_found, assert_passes, dns};

    use super::super::NAME_CONSTRAINTS_IN_END_ENTITY as RULE;

    #[test]
    fn a_ca_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::issuing_ca().permitting(&dns("example.com")).lint(),
        );
    }

    #[test]
    fn an_end_entity_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().permitting(&dns("example.com")).lint());
    }
}

mod name_constraints_not_critical {
    use crate::testing::{CertificateParts, assert_found, assert_passes, dns, explicit, seq};
    use crate::view::oid;

    use super::super::NAME_CONSTRAINTS_NOT_CRITICAL as RULE;

    #[test]
    fn critical_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::issuing_ca().permitting(&dns("example.com")).lint(),
        );
    }

    #[test]
    fn not_critical_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(
                    oid::NAME_CONSTRAINTS,
                    false,
                    &seq(&[&explicit(0, &[&seq(&[&dns("example.com")])])]),
                )
                .lint(),
        );
    }
}

mod policy_constraints_not_critical {
    use crate::testing::{CertificateParts, assert_found, assert_passes, implicit, integer, seq};
    use crate::view::oid;

    use super::super::POLICY_CONSTRAINTS_NOT_CRITICAL as RULE;

    #[test]
    fn critical_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(oid::INHIBIT_ANY_POLICY, true, &integer(&[0]))
                .lint(),
        );
    }

    #[test]
    fn not_critical_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(oid::INHIBIT_ANY_POLICY, false, &integer(&[0]))
                .lint(),
        );
    }

    #[test]
    fn policy_constraints_count_too() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(oid::POLICY_CONSTRAINTS, false, &seq(&[&implicit(0, &[0])]))
                .lint(),
        );
    }
}

mod policy_extensions_in_end_entity {
    use crate::testing::{CertificateParts, assert_found, assert_passes, integer};
    use crate::view::oid;

    use super::super::POLICY_EXTENSIONS_IN_END_ENTITY as RULE;

    #[test]
    fn a_ca_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(oid::INHIBIT_ANY_POLICY, true, &integer(&[0]))
                .lint(),
        );
    }

    #[test]
    fn an_end_entity_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::INHIBIT_ANY_POLICY, true, &integer(&[0]))
                .lint(),
        );
    }
}

mod san_critical_beside_subject {
    use crate::testing::{CertificateParts, assert_found, assert_passes, dns, seq};
    use crate::view::oid;

    use super::super::SAN_CRITICAL_BESIDE_SUBJECT as RULE;

    #[test]
    fn a_san_that_is_not_critical_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn a_critical_one_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::SUBJECT_ALT_NAME, true, &seq(&[&dns("www.example.com")]))
                .lint(),
        );
    }
}

mod ski_critical {
    use crate::testing::{CertificateParts, assert_found, assert_passes, octet_string};
    use crate::view::oid;

    use super::super::SKI_CRITICAL as RULE;

    #[test]
    fn not_critical_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn critical_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::SUBJECT_KEY_IDENTIFIER, true, &octet_string(&[1; 20]))
                .lint(),
        );
    }
}

mod ski_missing {
    use crate::testing::{CertificateParts, assert_found, assert_passes};
    use crate::view::oid;

    use super::super::SKI_MISSING as RULE;

    #[test]
    fn present_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn absent_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf().without(oid::SUBJECT_KEY_IDENTIFIER).lint(),
        );
    }
}

mod ski_missing_in_ca {
    use crate::testing::{CertificateParts, assert_found, assert_passes};
    use crate::view::oid;

    use super::super::SKI_MISSING_IN_CA as RULE;

    #[test]
    fn present_passes() {
        assert_passes(&RULE, &CertificateParts::issuing_ca().lint());
    }

    #[test]
    fn absent_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .without(oid::SUBJECT_KEY_IDENTIFIER)
                .lint(),
        );
    }
}

mod crl_aki_critical {
    use crate::testing::{CrlParts, assert_found, assert_passes, key_identifier};
    use crate::view::oid;

    use super::super::CRL_AKI_CRITICAL as RULE;

    #[test]
    fn not_critical_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn critical_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .with(oid::AUTHORITY_KEY_IDENTIFIER, true, &key_identifier(&[1; 20]))
                .lint(),
        );
    }
}

mod crl_delta_not_critical {
    use crate::testing::{CrlParts, assert_found, assert_passes, integer};
    use crate::view::oid;

    use super::super::CRL_DELTA_NOT_CRITICAL as RULE;

    #[test]
    fn critical_passes() {
        assert_passes(
            &RULE,
            &CrlParts::full()
                .with(oid::DELTA_CRL_INDICATOR, true, &integer(&[1]))
                .lint(),
        );
    }

    #[test]
    fn absent_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn not_critical_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .with(oid::DELTA_CRL_INDICATOR, false, &integer(&[1]))
                .lint(),
        );
    }
}

mod crl_idp_not_critical {
    use crate::testing::{CrlParts, assert_found, assert_passes, implicit, seq};
    use crate::view::oid;

    use super::super::CRL_IDP_NOT_CRITICAL as RULE;

    #[test]
    fn critical_passes() {
        assert_passes(
            &RULE,
            &CrlParts::full()
                .with(oid::ISSUING_DISTRIBUTION_POINT, true, &seq(&[&implicit(1, &[0xff])]))
                .lint(),
        );
    }

    #[test]
    fn absent_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn not_critical_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .with(oid::ISSUING_DISTRIBUTION_POINT, false, &seq(&[&implicit(1, &[0xff])]))
                .lint(),
        );
    }
}

mod crl_number_critical {
    use crate::testing::{CrlParts, assert_found, assert_passes, integer};
    use crate::view::oid;

    use super::super::CRL_NUMBER_CRITICAL as RULE;

    #[test]
    fn not_critical_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn critical_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full().with(oid::CRL_NUMBER, true, &integer(&[7])).lint(),
        );
    }
}

mod crl_number_missing {
    use crate::testing::{CrlParts, assert_found, assert_passes};
    use crate::view::oid;

    use super::super::CRL_NUMBER_MISSING as RULE;

    #[test]
    fn present_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn absent_is_found() {
        assert_found(&RULE, &CrlParts::full().without(oid::CRL_NUMBER).lint());
    }
}

mod crl_invalidity_date_critical {
    use crate::testing::{CrlParts, assert_found, assert_passes, extension, generalized};
    use crate::view::oid;

    use super::super::CRL_INVALIDITY_DATE_CRITICAL as RULE;

    #[test]
    fn not_critical_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn critical_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .entry_with(&[extension(oid::INVALIDITY_DATE, true, &generalized("20250101000000Z"))])
                .lint(),
        );
    }
}

mod crl_reason_critical {
    use crate::testing::{CrlParts, assert_found, assert_passes, extension, reason};
    use crate::view::oid;
    use chancery_x509::tlv::tag;

    use super::super::CRL_REASON_CRITICAL as RULE;

    #[test]
    fn not_critical_passes() {
        assert_passes(&RULE, &CrlParts::full().entry_with(&[reason(1)]).lint());
    }

    #[test]
    fn critical_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .entry_with(&[extension(oid::REASON_CODE, true, &[tag::ENUMERATED, 1, 1])])
                .lint(),
        );
    }
}
