//! Requirements on every [`Ledger`]. The suite's certificates are arbitrary octets: a ledger stores DER without parsing
//! it.

mod chain;
mod crl;
mod family;
mod issuers;
mod race;
mod records;
pub(super) mod reserve;
mod revoke;
mod search;

use std::sync::Arc;

use crate::port::ledger::{Ledger, LedgerError};

/// Tests every requirement of [`Ledger`].
///
/// # Panics
/// If a requirement is violated.
pub async fn ledger(make: impl AsyncFn() -> Arc<dyn Ledger>) {
    reserve::reserves_and_completes(&*make().await).await;
    reserve::serials_are_unique(&*make().await).await;
    reserve::keys_are_claimed_once(&*make().await).await;
    reserve::tokens_replay(&*make().await).await;
    reserve::lost_intents_free_what_they_held(&*make().await).await;
    reserve::refused_reservations_leave_nothing(&*make().await).await;
    reserve::authorities_have_one_name_each(&*make().await).await;
    reserve::open_intents_are_listed_oldest_first(&*make().await).await;
    reserve::open_intents_are_listed_step_by_step(&*make().await).await;
    reserve::only_a_caller_s_token_can_come_back(&*make().await).await;
    chain::nothing_is_reserved_under_a_revoked_ca(&*make().await).await;
    chain::no_reservation_escapes_a_ca_s_revocation(make().await).await;
    issuers::a_ca_issues_while_it_is_active(&*make().await).await;
    issuers::one_ca_issues_by_default(&*make().await).await;
    issuers::the_default_issuer_always_issues(make().await).await;
    race::one_of_many_reserves_wins(make().await).await;
    race::one_of_many_completes_wins(make().await).await;

    revoke::the_first_revocation_stands(&*make().await).await;
    revoke::key_compromise_replaces_other_reasons(&*make().await).await;
    revoke::one_of_many_revocations_is_the_first(make().await).await;

    family::a_compromised_key_takes_all_of_its_family_with_it(&*make().await).await;
    family::a_compromised_key_is_blocked(&*make().await).await;
    family::one_certificate_alone_can_be_revoked(&*make().await).await;
    family::what_was_reserved_before_a_revocation_is_given_up_with_it(&*make().await).await;
    family::other_reasons_reach_one_certificate(&*make().await).await;
    family::the_compromise_of_a_successor_s_key_leaves_its_ancestors(&*make().await).await;
    family::nothing_is_renewed_that_was_revoked(&*make().await).await;
    family::a_certificate_has_one_good_successor(&*make().await).await;
    family::of_many_renewals_at_once_one_is_the_successor(make().await).await;
    family::no_renewal_escapes_a_revocation(make().await).await;

    crl::numbers_rise(make().await).await;
    crl::scopes_are_kept_apart(&*make().await).await;
    crl::a_view_does_not_move(make().await).await;
    crl::a_view_lists_every_change_that_it_covers(make().await).await;
    crl::lost_intents_are_listed(&*make().await).await;
    crl::pruning_looks_at_not_after_alone(&*make().await).await;
    crl::the_latest_crl_is_the_highest(&*make().await).await;
    crl::numbers_jump_above_what_was_seen(&*make().await).await;
    crl::a_number_that_nobody_counted_to_is_not_followed(&*make().await).await;
    crl::every_change_is_marked(&*make().await).await;
    crl::what_is_due_is_what_no_published_crl_covers(&*make().await).await;
    crl::what_is_signed_is_recorded_before(&*make().await).await;
    crl::uses_are_kept(&*make().await).await;
    crl::what_was_lost_is_put_back(&*make().await).await;

    search::pages_are_stable(&*make().await).await;
    search::foreign_cursors_are_refused(&*make().await).await;
    search::conditions_combine(&*make().await).await;
    search::expiring_certificates_are_found(&*make().await).await;

    records::reminders_are_kept(&*make().await).await;
    records::rejections_are_kept(&*make().await).await;
    records::counts_count(&*make().await).await;
}

/// Most calls of the suite must succeed: an error violates a requirement.
fn ok<T>(outcome: Result<T, LedgerError>) -> T {
    outcome.unwrap_or_else(|error| panic!("nothing is wrong, yet the ledger answers: {error}"))
}
