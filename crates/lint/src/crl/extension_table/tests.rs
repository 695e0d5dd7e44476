//! What each row finds, and what it passes.

#[test]
fn every_row_speaks_of_the_extensions_that_it_looks_for() {
    crate::extension_rule::testing::assert_speaks_of_its_extensions(super::ALL);
}

mod aki_critical {
    use crate::testing::{CrlParts, assert_found, assert_passes, key_identifier};
    use crate::view::oid;

    use super::super::AKI_CRITICAL as RULE;

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

mod delta_not_critical {
    use crate::testing::{CrlParts, assert_found, assert_passes, integer};
    use crate::view::oid;

    use super::super::DELTA_NOT_CRITICAL as RULE;

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

mod idp_not_critical {
    use crate::testing::{CrlParts, assert_found, assert_passes, implicit, seq};
    use crate::view::oid;

    use super::super::IDP_NOT_CRITICAL as RULE;

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

mod number_critical {
    use crate::testing::{CrlParts, assert_found, assert_passes, integer};
    use crate::view::oid;

    use super::super::NUMBER_CRITICAL as RULE;

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

mod number_missing {
    use crate::testing::{CrlParts, assert_found, assert_passes};
    use crate::view::oid;

    use super::super::NUMBER_MISSING as RULE;

    #[test]
    fn present_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn absent_is_found() {
        assert_found(&RULE, &CrlParts::full().without(oid::CRL_NUMBER).lint());
    }
}

mod invalidity_date_critical {
    use crate::testing::{CrlParts, assert_found, assert_passes, extension, generalized};
    use crate::view::oid;

    use super::super::INVALIDITY_DATE_CRITICAL as RULE;

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

mod reason_critical {
    use crate::testing::{CrlParts, assert_found, assert_passes, extension, reason};
    use crate::view::oid;
    use chancery_x509::tlv::tag;

    use super::super::REASON_CRITICAL as RULE;

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
