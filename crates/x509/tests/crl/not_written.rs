//! What is refused before it is written, or while it is.

use chancery_x509::certificate::KeyUsage;
use chancery_x509::crl::{Coverage, CrlHeader, CrlWriteError, CrlWriter, RevokedEntry};
use chancery_x509::time::UnixTime;

use super::short_entry;
use crate::authority::{Authority, Key, NOW};

#[test]
fn a_crl_that_should_not_be_is_not_written() {
    let authority = Authority::usual();
    let write = |header: &CrlHeader<'_>| authority.crl(header, &[]).unwrap_err();
    let stale = CrlHeader {
        next_update: NOW,
        ..authority.header()
    };
    assert!(matches!(write(&stale), CrlWriteError::Validity { .. }));
    let endless = CrlHeader {
        next_update: UnixTime(i64::MAX),
        ..authority.header()
    };
    assert!(matches!(write(&endless), CrlWriteError::Time { .. }));
    for url in [
        "",
        "crl.example.com",
        "http://exämple.com/",
        "http://a b",
        ":x",
        "http:",
    ] {
        let shard = CrlHeader {
            scope: Coverage::Shard {
                distribution_points: vec![url.to_owned()],
            },
            ..authority.header()
        };
        assert!(
            matches!(write(&shard), CrlWriteError::DistributionPoint { .. }),
            "{url}"
        );
    }
    let certificates_only = Authority::new(Key::p256(), KeyUsage::KEY_CERT_SIGN, "Certificates only");
    let error = certificates_only.crl(&certificates_only.header(), &[]).unwrap_err();
    assert!(matches!(error, CrlWriteError::NotForCrls));
    let too_long = CrlWriter::new(&authority.header(), 0x8000_0000, Vec::new()).err();
    assert!(matches!(too_long, Some(CrlWriteError::TooLong { .. })));
    let out_of_calendar = RevokedEntry {
        revoked_at: UnixTime(i64::MIN),
        ..short_entry(1)
    };
    let error = authority.crl(&authority.header(), &[out_of_calendar]).unwrap_err();
    assert!(matches!(error, CrlWriteError::Time { .. }));
}

#[test]
fn entries_other_than_announced_are_an_error() {
    let authority = Authority::usual();
    let header = authority.header();
    let entry = short_entry(1);
    let announced = entry.encoded_len() as u64;

    let writer = CrlWriter::new(&header, announced, Vec::new()).unwrap();
    assert!(matches!(
        writer.finish_tbs(),
        Err(CrlWriteError::Length { actual: 0, .. })
    ));
    let mut writer = CrlWriter::new(&header, announced, Vec::new()).unwrap();
    writer.entry(&entry).unwrap();
    assert!(matches!(writer.entry(&entry), Err(CrlWriteError::Length { .. })));
    let mut writer = CrlWriter::new(&header, 0, Vec::new()).unwrap();
    assert!(matches!(writer.entry(&entry), Err(CrlWriteError::Length { .. })));
}

#[test]
fn an_output_that_fails_is_told() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let authority = Authority::usual();
    let writer = CrlWriter::new(&authority.header(), 0, Full).unwrap();
    assert!(matches!(writer.finish_tbs(), Err(CrlWriteError::Io(_))));
}
