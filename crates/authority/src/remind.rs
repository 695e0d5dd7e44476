//! Expiry reminders: a warning when the number of calendar days left (UTC: the date of the end minus today's) is one of
//! those configured, and a final one within a day after the end. At most one a day, and each is recorded.

use chancery_x509::time::{DAY, UnixTime};

use crate::authority::Authority;
use crate::event::Event;
use crate::port::LedgerError;
use crate::port::ledger::CertificateRecord;

/// Certificates read per page.
const PAGE: usize = 200;

/// Seconds between two reminders at least: a day, minus the possible drift of a daily schedule.
const APART: i64 = DAY - 4 * 3600;

/// The result of a round of reminders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reminded {
    /// Number of reminders sent and recorded.
    pub sent: usize,
    /// Number of reminders that could not be sent, or not be recorded; the next round tries again.
    pub failed: usize,
}

/// Why a round of reminders ended early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemindError {
    /// The ledger could not return the expiring certificates. Reminders for those found before were sent.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// A reminder that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DueReminder {
    /// The certificate ends in this many calendar days.
    Warning(i64),
    /// The certificate ended within the last day.
    Expired,
}

impl Authority {
    /// Sends the reminders that are due. Meant to run daily; running more often sends no more.
    pub async fn remind(&self) -> Result<Reminded, RemindError> {
        let now = self.ports().clock.now();
        let furthest = self.config().expiry_reminders().iter().max();
        let Some(&furthest) = furthest else {
            return Ok(Reminded::default());
        };
        let (from, to) = (now.plus_days(-1), now.plus_days(i64::from(furthest) + 1));
        let mut reminded = Reminded::default();
        let mut after = None;
        loop {
            let page = self
                .ports()
                .ledger
                .reminders()
                .expiring(from, to, after.as_ref(), PAGE)
                .await?;
            for record in &page.certificates {
                let Some(due) = due(record, self.config().expiry_reminders(), now) else {
                    continue;
                };
                if self.remind_of(record, due, now).await {
                    reminded.sent += 1;
                } else {
                    reminded.failed += 1;
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(reminded),
            }
        }
    }

    /// Sends the reminder for one certificate, if one is due, whether or not its record asks for reminders: for
    /// certificates that are watched for another reason. `None` where none is due.
    pub async fn remind_about(&self, record: &CertificateRecord) -> Option<bool> {
        let now = self.ports().clock.now();
        let due = due(record, self.config().expiry_reminders(), now)?;
        Some(self.remind_of(record, due, now).await)
    }

    /// Whether a reminder for a certificate is due now: what [`remind_about`](Self::remind_about) would send.
    pub fn is_reminder_due(&self, record: &CertificateRecord) -> bool {
        due(record, self.config().expiry_reminders(), self.ports().clock.now()).is_some()
    }

    /// The reminder is sent first and recorded afterwards: a duplicate is better than none.
    async fn remind_of(&self, record: &CertificateRecord, due: DueReminder, now: UnixTime) -> bool {
        let certificate = Box::new(record.clone());
        let event = match due {
            DueReminder::Warning(days_left) => Event::ExpiryWarning { certificate, days_left },
            DueReminder::Expired => Event::CertificateExpired(certificate),
        };
        if !self.notify(event).await {
            return false;
        }
        let recorded = self
            .ports()
            .ledger
            .reminders()
            .record(&record.id.issuer, record.id.serial, now)
            .await;
        if let Err(error) = &recorded {
            tracing::error!(%error, certificate = %record.id, "a reminder was sent and could not be recorded");
        }
        recorded.is_ok()
    }
}

/// The reminder that is due now, if there is one and it was not sent yet.
fn due(record: &CertificateRecord, days_before: &[u32], now: UnixTime) -> Option<DueReminder> {
    if record.revocation.is_some() {
        return None;
    }
    let left = record.not_after.0.saturating_sub(now.0);
    // Each reminder has a day in which it is sent: a calendar day, except the last one, whose day begins with the end
    // (inclusive, as notAfter is).
    let (due, begins) = if left >= 0 {
        let today = now.0.div_euclid(DAY);
        let days = record.not_after.0.div_euclid(DAY) - today;
        days_before.iter().find(|wanted| i64::from(**wanted) == days)?;
        (DueReminder::Warning(days), UnixTime(today * DAY - 1))
    } else {
        if left < -DAY {
            return None;
        }
        (DueReminder::Expired, record.not_after)
    };
    // A record with a time in the future was made while a clock was ahead; its reminder came too early and does not
    // count.
    let sent = record.reminders.iter().filter(|at| **at <= now).max();
    let sent = sent.is_some_and(|last| *last > begins || now.0 - last.0 < APART);
    (!sent).then_some(due)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_x509::crl::RevocationReason;
    use chancery_x509::key::KeyFingerprint;
    use chancery_x509::serial::Serial;

    use crate::ca_name::CaName;
    use crate::port::Receipt;
    use crate::port::ledger::{IntentId, Kind, Revocation};
    use crate::principal::Principal;

    const END: UnixTime = UnixTime(1_800_000_000);

    fn record() -> CertificateRecord {
        CertificateRecord {
            id: IntentId {
                issuer: CaName::new("a-ca").unwrap(),
                serial: Serial::from_octets(&[1]).unwrap(),
            },
            kind: Kind::Leaf,
            common_name: String::new(),
            renews: None,
            profile: String::new(),
            certificate: Vec::new(),
            key: KeyFingerprint([0; 32]),
            not_before: END.plus_days(-90),
            not_after: END,
            shard: None,
            principal: Principal::AUTHORITY,
            receipt: Receipt(String::new()),
            issued_at: END.plus_days(-90),
            revocation: None,
            notify_expiry: true,
            reminders: Vec::new(),
        }
    }

    /// The reminders sent if the authority checks every `step` seconds, from 40 days before the end to 3 days after.
    fn sent(mut record: CertificateRecord, days_before: &[u32], step: usize) -> Vec<(DueReminder, UnixTime)> {
        let mut sent = Vec::new();
        for now in (END.0 - 40 * DAY..END.0 + 3 * DAY).step_by(step).map(UnixTime) {
            if let Some(due) = due(&record, days_before, now) {
                record.reminders.push(now);
                sent.push((due, now));
            }
        }
        sent
    }

    #[test]
    fn every_reminder_is_sent_once_however_often_one_looks() {
        let wanted = [
            DueReminder::Warning(30),
            DueReminder::Warning(15),
            DueReminder::Warning(7),
            DueReminder::Warning(1),
            DueReminder::Expired,
        ];
        for step in [60, 3600, 86_400, 86_399] {
            let sent = sent(record(), &[30, 15, 7, 1], step);
            let kinds: Vec<_> = sent.iter().map(|(due, _)| *due).collect();
            assert_eq!(kinds, wanted, "looking every {step} seconds");
        }
    }

    /// As in the former functions: the date of the end minus today's date, whatever the hours.
    #[test]
    fn days_are_calendar_days_in_utc() {
        let midnight = UnixTime(END.0.div_euclid(DAY) * DAY);
        let a_day_of_life = CertificateRecord {
            not_after: midnight.plus_seconds(10 * 3600),
            ..record()
        };
        let the_day_before = |hour: i64| midnight.plus_seconds((hour - 24) * 3600);
        for hour in [0, 9, 10, 23] {
            let now = the_day_before(hour);
            assert_eq!(
                due(&a_day_of_life, &[1], now),
                Some(DueReminder::Warning(1)),
                "at {hour}:00"
            );
        }
        assert_eq!(
            due(&a_day_of_life, &[1], the_day_before(0).plus_seconds(-1)),
            None,
            "two dates ahead"
        );
        assert_eq!(due(&a_day_of_life, &[1], midnight), None, "it ends today");
        assert_eq!(due(&a_day_of_life, &[0], midnight), Some(DueReminder::Warning(0)));
        let issued_today = CertificateRecord {
            not_after: midnight.plus_seconds(23 * 3600).plus_days(1),
            ..record()
        };
        assert_eq!(
            due(&issued_today, &[1], midnight.plus_seconds(23 * 3600)),
            Some(DueReminder::Warning(1))
        );
    }

    #[test]
    fn reminders_for_days_in_a_row_are_a_day_apart() {
        let sent = sent(record(), &[3, 2, 1, 0], 600);
        assert!(sent.len() >= 4, "{sent:?}");
        assert!(
            sent.windows(2).all(|pair| pair[1].1.0 - pair[0].1.0 >= APART),
            "{sent:?}"
        );
    }

    #[test]
    fn what_was_sent_while_a_clock_was_ahead_silences_nothing() {
        let ahead = CertificateRecord {
            reminders: vec![END.plus_days(-1), END.plus_seconds(60)],
            ..record()
        };
        let now = END.plus_days(-30);
        assert_eq!(due(&ahead, &[30], now), Some(DueReminder::Warning(30)));
        let reminded = CertificateRecord {
            reminders: [vec![now], ahead.reminders].concat(),
            ..record()
        };
        assert_eq!(due(&reminded, &[30], now.plus_seconds(60)), None, "once, all the same");
    }

    #[test]
    fn the_revoked_and_the_long_expired_are_left_alone() {
        let mut revoked = record();
        revoked.revocation = Some(Revocation {
            at: END.plus_days(-50),
            reason: RevocationReason::Superseded,
            invalidity_date: None,
            principal: String::new(),
        });
        assert_eq!(sent(revoked, &[30, 15, 7, 1], 3600), []);
        assert_eq!(due(&record(), &[1], END.plus_days(1).plus_seconds(1)), None);
        assert_eq!(due(&record(), &[1], END.plus_days(1)), Some(DueReminder::Expired));
        assert_eq!(due(&record(), &[0], END), Some(DueReminder::Warning(0)));
    }
}
