//! Rows of the certificate table, byte for byte as in the drop-in contract, whichever program wrote them.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_authority::port::ledger::Revocation;
use chancery_contract::contract_time;
use chancery_x509::crl::RevocationReason;
use chancery_x509::pem;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::item::{Item, Malformed};

/// Partition of certificates without a common name: DynamoDB accepts no empty key.
const NAMELESS: &str = "(none)";

/// A row, parsed.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Its partition key: a common name, or a CA's name.
    pub(super) partition: String,
    pub(super) serial: Serial,
    /// DER.
    pub(super) certificate: Vec<u8>,
    pub(super) notify_expiry: Option<bool>,
    pub(super) revocation: Option<Revocation>,
    pub(super) reminders: Vec<UnixTime>,
    /// Whether the row counts CRLs, as only a CA's does.
    pub(super) counts_crls: bool,
}

/// The partition of that common name.
pub(super) fn partition(common_name: &str) -> &str {
    if common_name.is_empty() { NAMELESS } else { common_name }
}

/// Attributes of a revocation. `Revoked` is the contract's; the others are written only if they have a value.
pub(super) fn of_revocation(revocation: &Revocation) -> Item {
    let reason = Some(revocation.reason).filter(|reason| *reason != RevocationReason::Unspecified);
    Item::default()
        .text("Revoked", contract_time(revocation.at))
        .optional_text("RevocationReason", reason.map(RevocationReason::name))
        .optional_text("InvalidityDate", revocation.invalidity_date.map(contract_time))
        .optional_text(
            "RevokedBy",
            Some(&revocation.principal).filter(|principal| !principal.is_empty()),
        )
}

impl Row {
    pub(super) fn parse(item: &Item) -> Result<Self, Malformed> {
        Ok(Self {
            partition: item.as_text("CommonName")?.to_owned(),
            serial: serial(item)?,
            certificate: certificate(item)?,
            notify_expiry: item.optional("NotifyExpiry", Item::as_flag)?,
            revocation: revocation(item),
            reminders: reminders(item),
            counts_crls: item.has("CRLNumber"),
        })
    }

    /// Its key in the table.
    pub(super) fn key(&self) -> Item {
        Item::row_key(&self.partition, self.serial.to_string())
    }
}

pub(super) fn serial(item: &Item) -> Result<Serial, Malformed> {
    item.parse("SerialNumber", str::parse)
}

/// The DER of the certificate, which is stored as base64 of PEM. Of several PEM blocks the first is used.
pub(super) fn certificate(item: &Item) -> Result<Vec<u8>, Malformed> {
    let wrong = |wrong: String| Malformed {
        attribute: "Certificate",
        wrong,
    };
    let text = item.as_octets("Certificate")?;
    let text = STANDARD
        .decode(text.trim_ascii())
        .map_err(|error| wrong(format!("is no base64: {error}")))?;
    let blocks = pem::decode_all(&text).map_err(|error| wrong(format!("is no PEM: {error}")))?;
    let first = blocks.into_iter().next();
    first
        .map(|block| block.der)
        .ok_or_else(|| wrong("has no certificate in it".to_owned()))
}

/// The revocation, if the row has one. A malformed date, such as one written by hand, does not undo it: the row's start
/// of validity replaces it, or 0.
pub(super) fn revocation(item: &Item) -> Option<Revocation> {
    if !item.has("Revoked") {
        return None;
    }
    let at = item.parse("Revoked", parse_time).or_else(|error| {
        tracing::error!(
            %error,
            serial = item.as_text("SerialNumber").unwrap_or_default(),
            "the date of a revocation cannot be read; the certificate is taken to be revoked from its beginning"
        );
        item.parse("Issued", parse_time)
    });
    let reason = item.parse("RevocationReason", |name| {
        RevocationReason::from_name(name).ok_or("unknown")
    });
    Some(Revocation {
        at: at.unwrap_or_default(),
        reason: reason.unwrap_or_default(),
        invalidity_date: item.parse("InvalidityDate", parse_time).ok(),
        principal: item.as_text("RevokedBy").unwrap_or_default().to_owned(),
    })
}

fn reminders(item: &Item) -> Vec<UnixTime> {
    let times = item.as_list("ExpiryReminders").unwrap_or_default().iter();
    let read = |time: &AttributeValue| time.as_s().ok().and_then(|text| parse_time(text).ok());
    let mut times: Vec<_> = times.filter_map(read).collect();
    times.sort_unstable();
    times
}

/// `YYYY-MM-DD HH:MM:SS`, UTC.
pub(super) fn parse_time(text: &str) -> Result<UnixTime, jiff::Error> {
    let time = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", text)?;
    let since = time.duration_since(jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0));
    Ok(UnixTime(since.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for time in [0, 1, 1_800_000_000, 253_402_300_799].map(UnixTime) {
            assert_eq!(parse_time(&contract_time(time)).unwrap(), time);
        }
        for text in [
            "",
            "2026-13-01 00:00:00",
            "2026-01-01",
            "01/02/2026 10:00:00",
            "2026-01-01 00:00:00Z",
        ] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_date_written_by_hand_does_not_undo_a_revocation() {
        let row = Item::row_key("a", "12")
            .text("Issued", "2026-01-02 03:04:05")
            .text("Revoked", "last Tuesday");
        let issued = parse_time("2026-01-02 03:04:05").unwrap();
        assert_eq!(revocation(&row).map(|revocation| revocation.at), Some(issued));
        let row = Item::row_key("a", "12").number("Revoked", 12);
        assert_eq!(revocation(&row).map(|revocation| revocation.at), Some(UnixTime(0)));
        assert_eq!(revocation(&Item::row_key("a", "12")), None);
    }
}
