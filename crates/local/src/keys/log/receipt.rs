//! Receipts: short, unique, and sorted by time.

use std::time::{SystemTime, UNIX_EPOCH};

use chancery_authority::port::Receipt;
use data_encoding::BASE32_DNSSEC;

/// Makes receipts of 96 bits, written as 20 characters that sort like the bits: 48 bits of milliseconds since 1970, 24
/// bits of a counter, 24 random bits of this log.
///
/// The counter makes receipts of one process distinct, the random bits those of several.
#[derive(Debug)]
pub(super) struct Receipts {
    milliseconds: u64,
    count: u32,
    own: [u8; 3],
}

/// A receipt and the moment it was made.
pub(super) struct Made {
    pub(super) receipt: Receipt,
    pub(super) time: jiff::Timestamp,
}

impl Default for Receipts {
    fn default() -> Self {
        let mut own = [0; 3];
        if getrandom::fill(&mut own).is_err() {
            // These bits must be unique, not secret.
            own.copy_from_slice(&std::process::id().to_be_bytes()[1..]);
        }
        Self {
            milliseconds: 0,
            count: 0,
            own,
        }
    }
}

impl Receipts {
    /// The next one: greater than all before it, even if the clock goes back.
    pub(super) fn next(&mut self) -> Made {
        let now = SystemTime::now();
        let milliseconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX);
        if milliseconds > self.milliseconds {
            (self.milliseconds, self.count) = (milliseconds, 0);
        } else {
            self.count += 1;
            if self.count >> 24 != 0 {
                (self.milliseconds, self.count) = (self.milliseconds + 1, 0);
            }
        }
        let mut octets = [0; 12];
        octets[..6].copy_from_slice(&self.milliseconds.to_be_bytes()[2..]);
        octets[6..9].copy_from_slice(&self.count.to_be_bytes()[1..]);
        octets[9..].copy_from_slice(&self.own);
        Made {
            receipt: Receipt(BASE32_DNSSEC.encode(&octets)),
            time: jiff::Timestamp::try_from(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_rise_even_if_the_clock_does_not() {
        let mut receipts = Receipts::default();
        let made: Vec<_> = (0..10_000).map(|_| receipts.next().receipt.0).collect();
        assert!(made.iter().all(|receipt| receipt.len() == 20));
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
        receipts.milliseconds += 3_600_000;
        let ahead = receipts.next().receipt.0;
        assert!(made[9_999] < ahead && ahead < receipts.next().receipt.0);
    }

    #[test]
    fn a_full_counter_borrows_the_next_millisecond() {
        let mut receipts = Receipts {
            milliseconds: u64::from(u32::MAX) << 12,
            count: (1 << 24) - 1,
            own: [0; 3],
        };
        let before = receipts.next().receipt.0;
        assert!(before < receipts.next().receipt.0);
        assert_eq!(receipts.count, 1);
    }
}
