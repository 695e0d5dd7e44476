//! Keys of the journal's items. Times and serial numbers are padded, so that they sort in order.

use chancery_authority::CaName;
use chancery_authority::port::ledger::{AttemptId, AttemptPosition, CrlScope, TokenDigest};
use chancery_contract::contract_time;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use super::item::Item;

/// Sort key of items that are alone in their partition.
pub(super) const ALONE: &str = "-";

/// Partition of the CAs, by name.
pub(super) const CAS: &str = "authorities";

/// Partition of the days that requests were refused on.
pub(super) const REJECTION_DAYS: &str = "rejections-days";

/// Partition of a day's rejections, by time. A day has several: any client that may make requests can cause as many
/// rejections as it likes.
pub(super) fn rejections(day: &str, lane: u8) -> String {
    format!("rejections#{day}#{lane}")
}

/// The day of a time, as the contract writes it.
pub(super) fn day(at: UnixTime) -> String {
    contract_time(at).chars().take(10).collect()
}

/// Number of partitions that share one order of certificates: a partition takes 1,000 writes a second, and a
/// transaction counts as two.
pub(super) const LANES: u8 = 4;

pub(super) fn intent(serial: Serial) -> Item {
    Item::journal_key(format!("intent#{serial}"), ALONE)
}

/// Partition of a certified key: its claim, and its holders besides the first.
pub(super) fn key(key: KeyFingerprint) -> String {
    format!("key#{key}")
}

pub(super) fn claim(of: KeyFingerprint) -> Item {
    Item::journal_key(key(of), ALONE)
}

/// The item that blocks a key. It has a partition of its own, from which no role needs to delete.
pub(super) fn block(of: KeyFingerprint) -> Item {
    Item::journal_key(format!("blocked#{of}"), ALONE)
}

/// The item of a further certificate or intent of a key, by serial number.
pub(super) fn holder(of: KeyFingerprint, serial: Serial) -> Item {
    Item::journal_key(key(of), HEXLOWER.encode(serial.as_padded()))
}

/// Partition of the certificates that descend from one by renewal: a state, and every successor by serial number.
pub(super) fn line(root: Serial) -> String {
    format!("line#{root}")
}

pub(super) fn line_state(root: Serial) -> Item {
    Item::journal_key(line(root), ALONE)
}

pub(super) fn successor(root: Serial, serial: Serial) -> Item {
    Item::journal_key(line(root), HEXLOWER.encode(serial.as_padded()))
}

/// Partition of a token. Hashed: a token is its holder's secret, and may be longer than a key.
pub(super) fn token(digest: TokenDigest) -> String {
    format!("{TOKEN}{}", HEXLOWER.encode(&digest.0))
}

/// The token digest of such a partition.
pub(super) fn token_of(partition: &str) -> Option<TokenDigest> {
    let digits = partition.strip_prefix(TOKEN)?;
    let octets = HEXLOWER.decode(digits.as_bytes()).ok()?;
    octets.try_into().ok().map(TokenDigest)
}

const TOKEN: &str = "token#";

pub(super) fn ca(ca_name: &str) -> Item {
    Item::journal_key(CAS, ca_name)
}

/// The state of adoption: whether all rows of the Python CA are in the journal, or where adopting them stopped.
pub(super) fn adoption() -> Item {
    Item::journal_key("adoption", "state")
}

/// Where a CA's CRL function continues its scan for revoked rows that are on no list.
pub(super) fn row_scan(issuer: &CaName) -> Item {
    Item::journal_key(format!("row-scan#{issuer}"), ALONE)
}

fn scope(scope: &CrlScope) -> String {
    match scope.shard {
        None => format!("{}#full", scope.issuer),
        Some(shard) => format!("{}#{shard}", scope.issuer),
    }
}

/// Partition of a scope's CRLs and intents to sign them, by number.
pub(super) fn crls(of: &CrlScope) -> String {
    format!("crl#{}", scope(of))
}

pub(super) fn crl(of: &CrlScope, of_number: u64) -> Item {
    Item::journal_key(crls(of), number(of_number))
}

/// A CRL's number, padded to 20 digits, the most that a `u64` has.
pub(super) fn number(number: u64) -> String {
    format!("{number:020}")
}

/// The counter of a scope's CRL numbers, if no CA's row has it.
pub(super) fn crl_number(of: &CrlScope) -> Item {
    Item::journal_key(format!("number#{}", scope(of)), ALONE)
}

/// Parts of a scope's change mark, and of the record that a CA is revoked: concurrent revocations or reservations
/// seldom touch the same part.
const MARKS: u8 = 16;

/// Partition of a scope's change marks.
pub(super) fn changes(of: &CrlScope) -> String {
    format!("changes#{}", scope(of))
}

/// The change mark that the revocation of that serial number replaces.
pub(super) fn change(of: &CrlScope, serial: Serial) -> Item {
    Item::journal_key(changes(of), format!("{:02}", serial.as_padded()[19] % MARKS))
}

/// The items that record that a CA is revoked, by its certificate's serial number: one in each of `MARKS` partitions.
pub(super) fn revoked_ca(ca: Serial) -> impl Iterator<Item = Item> {
    (0..MARKS).map(move |part| revoked_ca_part(ca, part))
}

/// The one of these items that reserving that serial number checks.
pub(super) fn revoked_ca_seen_by(ca: Serial, reserving: Serial) -> Item {
    revoked_ca_part(ca, reserving.as_padded()[19] % MARKS)
}

fn revoked_ca_part(ca: Serial, part: u8) -> Item {
    Item::journal_key(format!("revoked-ca#{ca}#{part:02}"), ALONE)
}

/// What the sort keys of states begin with, in the partition of the CAs: no CA's name has such a character.
const STATE: &str = "state#";

/// The state of a CA, whether or not it exists. It is read with the CAs, by one query.
pub(super) fn issuer_state(ca: &CaName) -> Item {
    Item::journal_key(CAS, format!("{STATE}{ca}"))
}

/// The CA of a sort key of a state.
pub(super) fn issuer_with_state(sort: &str) -> Option<&str> {
    sort.strip_prefix(STATE)
}

/// Sort key of the item that names the default issuer, beside the CAs.
pub(super) const DEFAULT_ISSUER: &str = "default#";

/// The items that record whether a CA issues: one in each of `MARKS` partitions.
pub(super) fn closed_ca(ca: &CaName) -> impl Iterator<Item = Item> {
    (0..MARKS).map(move |part| closed_ca_part(ca, part))
}

/// The one of these items that reserving that serial number checks.
pub(super) fn closed_ca_seen_by(ca: &CaName, reserving: Serial) -> Item {
    closed_ca_part(ca, reserving.as_padded()[19] % MARKS)
}

fn closed_ca_part(ca: &CaName, part: u8) -> Item {
    Item::journal_key(format!("closed-ca#{ca}#{part:02}"), ALONE)
}

/// Partition of what is recorded of freezes.
const FREEZE: &str = "freeze";

/// The item that records a freeze that lasts.
pub(super) fn freeze() -> Item {
    Item::journal_key(FREEZE, ALONE)
}

/// The item that records one that has ended.
pub(super) fn ended_freeze(at: UnixTime, nonce: &str) -> Item {
    Item::journal_key(FREEZE, format!("ended#{}#{nonce}", second(at)))
}

/// The items that reservations look at.
pub(super) fn freeze_parts() -> impl Iterator<Item = Item> {
    (0..MARKS).map(freeze_part)
}

/// The one of these items that reserving that serial number checks.
pub(super) fn freeze_seen_by(reserving: Serial) -> Item {
    freeze_part(reserving.as_padded()[19] % MARKS)
}

fn freeze_part(part: u8) -> Item {
    Item::journal_key(FREEZE, format!("part#{part:02}"))
}

/// Partition of CRL uses by certificates of CAs without a partition of their own. Earlier versions had only this one.
pub(super) const CRL_USES: &str = "crl-uses";

/// Partition of CRL uses of one CA: a role that issues under that CA can write nothing about others.
pub(super) fn crl_uses(issuer: &CaName) -> String {
    format!("{CRL_USES}#{issuer}")
}

/// The item that records that certificates name a CRL by that URL.
pub(super) fn crl_use(partition: String, of: &CrlScope, url: Option<&str>) -> Item {
    Item::journal_key(partition, format!("{}#{}", scope(of), url.unwrap_or_default()))
}

/// Partition of a scope's revocations, by serial number.
pub(super) fn revoked(of: &CrlScope) -> String {
    format!("revoked#{}", scope(of))
}

/// The CA of such a partition.
pub(super) fn revoked_issuer(partition: &str) -> Option<&str> {
    let scope = partition.strip_prefix("revoked#")?;
    scope.rsplit_once('#').map(|(issuer, _)| issuer)
}

pub(super) fn revocation(of: &CrlScope, serial: Serial) -> Item {
    Item::journal_key(revoked(of), HEXLOWER.encode(serial.as_padded()))
}

/// The serial number at the end of a sort key.
pub(super) fn serial_of(sort: &str) -> Option<Serial> {
    let digits = sort.rsplit('#').next().unwrap_or(sort);
    Serial::from_octets(&HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?).ok()
}

/// The serial number of an item in a scope's list; `None` for a key that this program does not write. No two keys give
/// the same serial number.
pub(super) fn revoked_serial(sort: &str) -> Option<Serial> {
    serial_of(sort).filter(|serial| HEXLOWER.encode(serial.as_padded()) == sort)
}

/// The lane of a certificate. Serial numbers are random, so lanes are even.
fn lane(serial: Serial) -> u8 {
    serial.as_padded()[19] % LANES
}

/// Partition of issued certificates, by time of issuance.
pub(super) fn issued(lane: u8) -> String {
    format!("issued#{lane}")
}

pub(super) fn issuance(serial: Serial, at: UnixTime) -> Item {
    Item::journal_key(issued(lane(serial)), moment(at, serial))
}

/// Partition of attempts to sign, by time.
pub(super) fn attempts(lane: u8) -> String {
    format!("attempts#{lane}")
}

pub(super) fn attempt(of: AttemptPosition) -> Item {
    Item::journal_key(attempts(of.id.0[15] % LANES), attempt_sort(of))
}

/// The position of an attempt, as a string that sorts in order.
pub(super) fn attempt_sort(of: AttemptPosition) -> String {
    format!("{}#{}", second(of.at), of.id)
}

/// The position of such a string.
pub(super) fn attempt_position(sort: &str) -> Option<AttemptPosition> {
    let (at, id) = sort.split_once('#')?;
    let position = AttemptPosition {
        at: UnixTime(at.parse().ok()?),
        id: AttemptId::parse(id)?,
    };
    // One that is written otherwise would be listed elsewhere than it stands.
    (attempt_sort(position) == sort).then_some(position)
}

/// Partition of certificates with expiry reminders, by notAfter.
pub(super) fn expiring(lane: u8) -> String {
    format!("expiry#{lane}")
}

pub(super) fn expiry(serial: Serial, not_after: UnixTime) -> Item {
    Item::journal_key(expiring(lane(serial)), moment(not_after, serial))
}

/// A time and a serial number, as a string that sorts in order.
pub(super) fn moment(at: UnixTime, serial: Serial) -> String {
    format!("{}#{}", second(at), HEXLOWER.encode(serial.as_padded()))
}

/// A time in twelve digits, which reach beyond the year 9999, the last that a certificate can have.
pub(super) fn second(at: UnixTime) -> String {
    format!("{:012}", at.0.clamp(0, 999_999_999_999))
}

#[cfg(test)]
mod tests {
    use chancery_authority::port::ledger::IdempotencyToken;

    use super::*;

    #[test]
    fn padded_keys_sort_as_what_they_stand_for() {
        let serial = |number: u8| Serial::from_octets(&[number, 0]).unwrap();
        let moments = [
            moment(UnixTime(9), serial(200)),
            moment(UnixTime(10), serial(1)),
            moment(UnixTime(10), serial(2)),
            moment(UnixTime(253_402_300_799), serial(1)),
        ];
        assert!(moments.is_sorted());
        assert_eq!(serial_of(&moments[0]), Some(serial(200)));
        assert_eq!(serial_of(&HEXLOWER.encode(serial(7).as_padded())), Some(serial(7)));
        assert_eq!(serial_of("-"), None);
        let key = HEXLOWER.encode(serial(200).as_padded());
        assert_eq!(revoked_serial(&key), Some(serial(200)));
        for other in [
            format!("#{key}"),
            key.to_uppercase(),
            "c800".to_owned(),
            key[2..].to_owned(),
        ] {
            assert_eq!(revoked_serial(&other), None, "{other}");
        }
    }

    #[test]
    fn tokens_of_different_principals_never_meet() {
        let of = |principal: &str, text: &str| token(TokenDigest::of(principal, &IdempotencyToken(text.to_owned())));
        assert_ne!(of("a", "bc"), of("ab", "c"));
        assert_eq!(of("a", "bc"), of("a", "bc"));
        assert!(!of("a", "secret").contains("secret"));
        let digest = TokenDigest([0xab; 32]);
        assert_eq!(token_of(&token(digest)), Some(digest));
        assert_eq!(token_of("token#ab"), None);
    }
}
