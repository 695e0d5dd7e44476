//! `chancery guard seen`: what relying parties have seen, and the ledger does not know. The one sign of a stolen key.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use chancery_authority::CaName;
use chancery_authority::port::ledger::LedgerError;
use chancery_watch::finding::{EVIDENCE, sort};
use chancery_watch::rules::{UNKNOWN_SERIAL, UNREADABLE_CERTIFICATE};
use chancery_watch::seen::{Line, line};
use chancery_watch::{Evidence, Finding};
use chancery_x509::certificate::Certificate;
use chancery_x509::pem;
use chancery_x509::serial::Serial;
use serde::Serialize;

use super::authority::GuardedAuthority;
use crate::arguments::SeenArguments;
use crate::bounded;

/// What was seen.
#[derive(Debug, Default, Serialize)]
pub(super) struct Seen {
    /// Certificates, of any CA.
    pub(super) certificates: u64,
    /// Serial numbers without a certificate.
    pub(super) serials: u64,
    /// Those of both that the ledger knows.
    pub(super) known: u64,
    /// Certificates that no CA of this authority signed.
    pub(super) of_others: u64,
    /// What stands where a certificate or a serial number should, and is none.
    pub(super) malformed: u64,
    /// Serial numbers that no CA's ledger knows, and of which it is not said whose they are.
    pub(super) not_judged: u64,
}

/// The search, while it goes through the files.
struct Search<'a> {
    authority: &'a GuardedAuthority,
    issuer: Option<&'a CaName>,
    seen: Seen,
    looked_up: HashSet<(Option<CaName>, Serial)>,
    findings: Vec<Finding>,
}

/// Looks through every file.
pub(super) fn look(authority: &GuardedAuthority, arguments: &SeenArguments) -> Result<(Vec<Finding>, Seen)> {
    let issuer = arguments.issuer.as_ref();
    if let Some(issuer) = issuer.filter(|issuer| !authority.cas.iter().any(|(ca, _)| ca == *issuer)) {
        let names: Vec<String> = authority.cas.iter().map(|(ca, _)| ca.to_string()).collect();
        bail!("there is no CA named {issuer}; there are {}", names.join(", "));
    }
    let mut search = Search {
        authority,
        issuer,
        seen: Seen::default(),
        looked_up: HashSet::new(),
        findings: Vec::new(),
    };
    for file in &arguments.files {
        let octets = read(file)?;
        search.file(&octets, &file.display().to_string())?;
    }
    sort(&mut search.findings);
    Ok((search.findings, search.seen))
}

fn read(file: &Path) -> Result<Vec<u8>> {
    if file.as_os_str() == "-" {
        return bounded::standard_input(bounded::CRLS);
    }
    bounded::read(file, bounded::CRLS)
}

impl Search<'_> {
    fn file(&mut self, octets: &[u8], name: &str) -> Result<()> {
        // A SEQUENCE of many octets: RFC 5280 section 4.1.
        if octets.starts_with(&[0x30, 0x82]) || octets.starts_with(&[0x30, 0x81]) {
            return self.der(octets, name);
        }
        for block in pem::blocks(octets) {
            match block.decode() {
                Ok(der) if block.label().ends_with("CERTIFICATE") => self.der(&der, name)?,
                Ok(_) => {}
                Err(_) => self.seen.malformed += 1,
            }
        }
        let mut within = false;
        for text in String::from_utf8_lossy(octets).lines() {
            within |= text.contains("-----BEGIN ");
            if !within {
                match line(text) {
                    Line::Serial(serial) => self.serial(serial, name)?,
                    Line::Malformed(_) => self.seen.malformed += 1,
                    Line::Nothing => {}
                }
            }
            within &= !text.contains("-----END ");
        }
        Ok(())
    }

    fn der(&mut self, der: &[u8], name: &str) -> Result<()> {
        let Ok(certificate) = Certificate::parse(der) else {
            self.seen.malformed += 1;
            self.malformed(name);
            return Ok(());
        };
        self.seen.certificates += 1;
        let mut cas = self.authority.cas.iter();
        // A stolen key signs in whatever way its new owner likes.
        let Some((ca, _)) = cas.find(|(_, key)| certificate.is_signed_in_any_way_by(key)) else {
            self.seen.of_others += 1;
            return Ok(());
        };
        let recorded = self.recorded(ca, certificate.serial())?;
        let detail = match recorded {
            Recorded::Certificate(der) if der == certificate.tbs_der() => None,
            // A signature of ours exists, and the serial number is on the CRL.
            Recorded::GivenUp => None,
            Recorded::Certificate(_) => Some("the ledger has another certificate with this serial number"),
            Recorded::Nothing => Some("the ledger has no certificate with this serial number"),
        };
        match detail {
            None => self.seen.known += 1,
            Some(detail) => {
                let subject = format!("{} ({})", certificate.serial(), certificate.subject());
                let from = format!("{name}: {detail}; valid from {}", certificate.not_before());
                self.unknown(ca, subject, from);
            }
        }
        Ok(())
    }

    fn serial(&mut self, serial: Serial, name: &str) -> Result<()> {
        if !self.looked_up.insert((self.issuer.cloned(), serial)) {
            return Ok(());
        }
        self.seen.serials += 1;
        let cas: Vec<&CaName> = match self.issuer {
            Some(issuer) => vec![issuer],
            None => self.authority.cas.iter().map(|(ca, _)| ca).collect(),
        };
        for ca in cas {
            if !matches!(self.recorded(ca, serial)?, Recorded::Nothing) {
                self.seen.known += 1;
                return Ok(());
            }
        }
        match self.issuer {
            Some(issuer) => {
                let detail = format!("{name}: the ledger has no certificate with this serial number");
                self.unknown(&issuer.clone(), serial.to_string(), detail);
            }
            None => self.seen.not_judged += 1,
        }
        Ok(())
    }

    /// What the ledger has about a serial number.
    fn recorded(&self, ca: &CaName, serial: Serial) -> Result<Recorded> {
        let runtime = &self.authority.runtime;
        let certificates = self.authority.ledger.certificates();
        let found = runtime.block_on(certificates.get(Some(ca), serial));
        let found = match found {
            // A row that is damaged is none; that it is damaged is told by others.
            Err(LedgerError::Damaged { .. }) => None,
            found => found.context("the ledger cannot be read")?,
        };
        if let Some(record) = found {
            let tbs = Certificate::parse(&record.certificate).map(|certificate| certificate.tbs_der().to_vec());
            return Ok(tbs.map_or(Recorded::Nothing, Recorded::Certificate));
        }
        let evidence = runtime.block_on(certificates.evidence(ca, &[serial]));
        let evidence = evidence.context("the ledger cannot be read")?;
        Ok(match evidence.get(&serial) {
            Some(evidence) if evidence.given_up => Recorded::GivenUp,
            Some(_) | None => Recorded::Nothing,
        })
    }

    /// A certificate that cannot be read may be of any CA: whoever accepted it reads more than we do.
    fn malformed(&mut self, name: &str) {
        let rule = &UNREADABLE_CERTIFICATE;
        let known = self.findings.iter().position(|finding| finding.rule == rule.id);
        let place = known.unwrap_or_else(|| {
            self.findings.push(Finding {
                rule: rule.id,
                severity: rule.severity,
                title: rule.title.to_owned(),
                ca: None,
                count: 0,
                evidence: Vec::new(),
                remedy: rule.remedy,
            });
            self.findings.len() - 1
        });
        let finding = &mut self.findings[place];
        finding.count += 1;
        if finding.evidence.len() < EVIDENCE {
            finding.evidence.push(Evidence {
                detail: name.to_owned(),
                ..Evidence::default()
            });
        }
    }

    fn unknown(&mut self, ca: &CaName, subject: String, detail: String) {
        let known = self
            .findings
            .iter()
            .position(|finding| finding.ca.as_deref() == Some(ca.as_str()));
        let place = known.unwrap_or_else(|| {
            self.findings.push(Finding {
                rule: UNKNOWN_SERIAL.id,
                severity: UNKNOWN_SERIAL.severity,
                title: format!("Certificates of {ca} that its ledger does not know"),
                ca: Some(ca.to_string()),
                count: 0,
                evidence: Vec::new(),
                remedy: UNKNOWN_SERIAL.remedy,
            });
            self.findings.len() - 1
        });
        let finding = &mut self.findings[place];
        finding.count += 1;
        if finding.evidence.len() < EVIDENCE {
            finding.evidence.push(Evidence {
                subject,
                detail,
                ..Evidence::default()
            });
        }
    }
}

/// What a ledger has about a serial number.
enum Recorded {
    /// A certificate; its TBSCertificate.
    Certificate(Vec<u8>),
    /// An intent of which nothing came that is known of.
    GivenUp,
    Nothing,
}
