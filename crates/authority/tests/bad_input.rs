//! Requests that are broken, hostile or both: each is refused with a code of its own, at once, and nothing is kept of it
//! but its rejection.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![allow(
    clippy::cast_possible_truncation,
    reason = "octets are taken from numbers that were just bounded"
)]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use chancery_authority::issue::Refusal;
use chancery_authority::port::ledger::Counts;
use chancery_contract::{Malformed, TlsCertRequest, budget};
use chancery_testing::requester::{self, csr_info};
use chancery_testing::{Fixture, Requester, named};
use chancery_x509::pem;

/// What a refusal may take, on a machine of today, in a build without optimisation.
const AT_ONCE: Duration = Duration::from_millis(10);

/// Runs of which the fastest counts: another process may disturb one, but not each.
const RUNS: usize = 5;

/// Codes that a CSR can be refused with once its length is accepted.
const CODES_OF_A_CSR: [&str; 5] = [
    "bad_csr",
    "bad_signature",
    "duplicate_extension",
    "over_budget",
    "unsupported_key",
];

struct Bad {
    what: &'static str,
    code: &'static str,
    csr: Vec<u8>,
}

fn bad(what: &'static str, code: &'static str, csr: impl Into<Vec<u8>>) -> Bad {
    Bad {
        what,
        code,
        csr: csr.into(),
    }
}

/// Every request of the table leaves one rejection, with its code, and nothing else; and takes no time to speak of.
#[tokio::test]
async fn bad_requests_are_refused_at_once_and_leave_their_rejection_alone() {
    for Bad { what, code, csr } in table() {
        let fixture = Fixture::new().await;
        let before = counts(&fixture).await;
        let request = TlsCertRequest::for_csr(csr);
        let mut fastest = Duration::MAX;
        for run in 1..=RUNS {
            let clock = Clock::start();
            let refusal = refuse(&fixture, &request).await;
            fastest = fastest.min(clock.elapsed());
            assert_eq!(refusal.code(), code, "{what}: {refusal}");
            assert_nothing_but_rejections(&fixture, before, run).await;
        }
        assert!(fastest < AT_ONCE, "{what}: {fastest:?}");
    }
}

fn table() -> Vec<Bad> {
    let good = Requester::new().csr("a.example.com");
    let info = csr_info(&named("a.example.com"), &Requester::new().spki());
    let stranger = Requester::new().csr("a.example.com");
    let stranger = &stranger[stranger.len() - 70..];
    let mut table = vec![
        bad("nothing", "bad_csr", []),
        bad("text", "bad_csr", "please"),
        bad("a header alone", "bad_csr", [0x30, 0x82]),
        bad(
            "cut off in PEM",
            "bad_csr",
            &pem::encode("CERTIFICATE REQUEST", &good).as_bytes()[..300],
        ),
        bad("cut off in the middle", "bad_csr", &good[..good.len() / 2]),
        bad("an octet too many", "bad_csr", [&good[..], &[0]].concat()),
        bad(
            "two in one file",
            "bad_csr",
            pem::encode("CERTIFICATE REQUEST", &good).repeat(2),
        ),
        bad("a certificate's label", "bad_csr", pem::encode("CERTIFICATE", &good)),
        bad("no length", "bad_csr", indefinite()),
        bad("a length of 4 GiB", "bad_csr", [0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
        bad(
            "a length of 16 EiB",
            "bad_csr",
            [&[0x30, 0x88][..], &[0xff; 8]].concat(),
        ),
        bad("one octet over the budget", "over_budget", vec![0x30; budget::CSR + 1]),
        bad("20 MiB of DER", "over_budget", vec![0x30; 20 << 20]),
        bad(
            "20 MiB of PEM",
            "over_budget",
            pem::encode("CERTIFICATE REQUEST", &vec![0x30; 15 << 20]),
        ),
        bad("text in front, 20 MiB", "bad_csr", vec![b' '; 20 << 20]),
        bad(
            "a million PEM blocks",
            "over_budget",
            "-----BEGIN A-----\n-----END A-----\n".repeat(1_000_000),
        ),
        bad("sequences in sequences, to the budget", "bad_csr", nested(0x30)),
        bad("sets in sets, to the budget", "bad_csr", nested(0x31)),
        bad(
            "a signature by another key",
            "bad_signature",
            requester::csr(&info, stranger),
        ),
        bad("no signature", "bad_signature", requester::csr(&info, &[])),
        bad(
            "a signature of zeros",
            "bad_signature",
            requester::csr(&info, &[0x30, 6, 2, 1, 0, 2, 1, 0]),
        ),
        bad(
            "junk for a signature",
            "bad_signature",
            requester::csr(&info, &[0xff; 4000]),
        ),
        bad("a million names", "over_budget", asking_for(&[names(1_000_000)])),
        bad(
            "names to the budget of octets",
            "over_budget",
            asking_for(&[names(9_000)]),
        ),
        bad(
            "empty names to the budget of octets",
            "over_budget",
            asking_for(&[empty_names(32_000)]),
        ),
        bad(
            "one name over the budget",
            "over_budget",
            asking_for(&[names(budget::ALT_NAMES + 1)]),
        ),
        bad(
            "an extension twice",
            "duplicate_extension",
            asking_for(&[names(1), names(1)]),
        ),
        bad(
            "an unknown extension twice",
            "duplicate_extension",
            asking_for(&[extension(&[0x2a, 3], &[5, 0]), extension(&[0x2a, 3], &[5, 0])]),
        ),
        bad(
            "extensions to the budget of octets",
            "over_budget",
            asking_for(&extensions(6_000)),
        ),
        bad(
            "a purpose list without a purpose, twice",
            "duplicate_extension",
            asking_for(&[no_purposes(), no_purposes()]),
        ),
    ];
    table.extend(made_by_openssl());
    table
}

/// Keys and signatures that nobody should have any more, each with a sound proof of possession.
fn made_by_openssl() -> [Bad; 9] {
    macro_rules! of_x509 {
        ($name:literal) => {
            &include_bytes!(concat!("../../x509/tests/data/csr/openssl-", $name, ".pem"))[..]
        };
    }
    [
        bad("RSA of 1024 bits", "weak_key", &include_bytes!("data/rsa1024.csr")[..]),
        bad(
            "RSA with the exponent 3",
            "weak_key",
            &include_bytes!("data/rsa-e3.csr")[..],
        ),
        bad("DSA", "unsupported_key", &include_bytes!("data/dsa.csr")[..]),
        bad(
            "secp256k1",
            "unsupported_key",
            &include_bytes!("data/secp256k1.csr")[..],
        ),
        bad("Ed448", "unsupported_key", of_x509!("unsupported-ed448")),
        bad(
            "a curve spelt out",
            "unsupported_key",
            of_x509!("unsupported-explicit-curve"),
        ),
        bad("signed with MD5", "bad_csr", of_x509!("weak-md5")),
        bad("signed with SHA-1", "bad_csr", of_x509!("weak-sha1")),
        bad("signed with ECDSA and SHA-1", "bad_csr", of_x509!("weak-ecdsa-sha1")),
    ]
}

/// Wherever a request is cut off, and whichever bit of it is turned over, nothing comes of it.
#[tokio::test]
async fn damaged_requests_are_refused_wherever_the_damage_is() {
    let fixture = Fixture::new().await;
    let before = counts(&fixture).await;
    let good = Requester::new().csr("a.example.com");
    let mut refused = 0;
    for length in 0..good.len() {
        let refusal = refuse(&fixture, &TlsCertRequest::for_csr(&good[..length])).await;
        assert_eq!(refusal.code(), "bad_csr", "{length} octets: {refusal}");
        refused += 1;
    }
    for bit in 0..good.len() * 8 {
        let mut flipped = good.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let refusal = refuse(&fixture, &TlsCertRequest::for_csr(flipped)).await;
        assert!(CODES_OF_A_CSR.contains(&refusal.code()), "bit {bit}: {refusal}");
        refused += 1;
    }
    assert_nothing_but_rejections(&fixture, before, refused).await;
    // The request itself was fine.
    fixture.issue(&TlsCertRequest::for_csr(good)).await.unwrap();
}

/// A request whose JSON is over the budget is not even parsed.
#[test]
fn json_over_the_budget_is_refused_by_its_length() {
    let names = vec![r#""a.example.com""#; 1_000_000].join(",");
    let text = format!(r#"{{"common_name": "a.example.com", "sans": [{names}]}}"#);
    let clock = Clock::start();
    let refused = TlsCertRequest::from_json(text.as_bytes());
    assert!(clock.elapsed() < AT_ONCE);
    let actual = text.len();
    let limit = budget::REQUEST;
    assert_eq!(refused, Err(Malformed::TooLong { actual, limit }));
}

/// The refusal, as it was answered and as it was kept.
async fn refuse(fixture: &Fixture, request: &TlsCertRequest) -> Refusal {
    let refusal = fixture.refusal(request).await;
    let text = refusal.to_string();
    assert!(!text.is_empty() && text.len() < 512, "{text:?}");
    assert!(!text.chars().any(char::is_control), "{text:?}");
    refusal
}

async fn assert_nothing_but_rejections(fixture: &Fixture, before: Counts, rejections: usize) {
    let expected = Counts {
        rejected: before.rejected + rejections as u64,
        ..before
    };
    assert_eq!(counts(fixture).await, expected);
    // People are told, and not sent what they were spared: a CSR within the budget at most, in base64.
    let notices = chancery_testing::notices(&fixture.memory);
    assert_eq!(notices.len(), rejections);
    let last = notices.last().unwrap().message.to_string();
    assert!(last.len() < budget::CSR * 4 / 3 + 2048, "{} octets", last.len());
}

async fn counts(fixture: &Fixture) -> Counts {
    fixture.authority.ports().ledger.monitoring().counts().await.unwrap()
}

/// Time that this thread has worked, where the system tells: how busy the machine is otherwise does not count.
struct Clock {
    worked: Option<Duration>,
    wall: Instant,
}

impl Clock {
    fn start() -> Self {
        Self {
            worked: Self::worked(),
            wall: Instant::now(),
        }
    }

    fn elapsed(&self) -> Duration {
        match (self.worked, Self::worked()) {
            (Some(start), Some(now)) => now.saturating_sub(start),
            _ => self.wall.elapsed(),
        }
    }

    fn worked() -> Option<Duration> {
        // Linux brings the account up to date when it schedules.
        thread::yield_now();
        let account = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        account.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    }
}

/// DER's tag and length.
fn header(tag: u8, length: usize) -> Vec<u8> {
    let octets = length.to_be_bytes();
    let significant = &octets[length.leading_zeros() as usize / 8..];
    match length {
        0..0x80 => vec![tag, length as u8],
        _ => [&[tag, 0x80 | significant.len() as u8], significant].concat(),
    }
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    [&header(tag, content.len()), content].concat()
}

/// A request in BER: lengths are left open, and ended by two zeros.
fn indefinite() -> Vec<u8> {
    let info = csr_info(&named("a.example.com"), &Requester::new().spki());
    [&[0x30, 0x80][..], &info, &[0, 0]].concat()
}

/// One in the other, as deep as the budget lets it be, every length right.
fn nested(tag: u8) -> Vec<u8> {
    let mut backwards = Vec::new();
    while backwards.len() < budget::CSR - 16 {
        let header = header(tag, backwards.len());
        backwards.extend(header.iter().rev());
    }
    backwards.reverse();
    tlv(0x30, &backwards)
}

/// Extension (RFC 5280 section 4.1).
fn extension(oid: &[u8], value: &[u8]) -> Vec<u8> {
    tlv(0x30, &[tlv(0x06, oid), tlv(0x04, value)].concat())
}

fn subject_alt_name(names: &[u8]) -> Vec<u8> {
    extension(&[0x55, 0x1d, 0x11], &tlv(0x30, names))
}

fn names(number: usize) -> Vec<u8> {
    let all: Vec<_> = (0..number)
        .map(|index| tlv(0x82, format!("{index:x}").as_bytes()))
        .collect();
    subject_alt_name(&all.concat())
}

fn empty_names(number: usize) -> Vec<u8> {
    subject_alt_name(&[0x82, 0].repeat(number))
}

/// extKeyUsage that is there and empty.
fn no_purposes() -> Vec<u8> {
    extension(&[0x55, 0x1d, 0x25], &[0x30, 0])
}

fn extensions(number: u16) -> Vec<Vec<u8>> {
    (0..number)
        .map(|index| extension(&[0x2a, 0x81 | (index >> 7) as u8, (index & 0x7f) as u8], &[]))
        .collect()
}

/// A request with these extensions and a sound signature.
fn asking_for(extensions: &[Vec<u8>]) -> Vec<u8> {
    const EXTENSION_REQUEST: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];
    let requester = Requester::new();
    let list = tlv(0x31, &tlv(0x30, &extensions.concat()));
    let attribute = tlv(0x30, &[&EXTENSION_REQUEST[..], &list].concat());
    let subject = named("a.example.com");
    let fields = [
        &[0x02, 0x01, 0x00],
        subject.as_der(),
        &requester.spki(),
        &tlv(0xa0, &attribute),
    ]
    .concat();
    let info = tlv(0x30, &fields);
    let signature = tlv(0x03, &[&[0], &requester.sign(&info)[..]].concat());
    tlv(0x30, &[&info[..], &requester::ECDSA_WITH_SHA256, &signature].concat())
}
