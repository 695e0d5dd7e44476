//! What a rule demands of an extension, apart from its value.

use crate::view::certificate::Certificate;
use crate::view::crl::{Crl, Entry};
use crate::view::extension::Extensions;
use crate::view::oid::Oid;

/// What is demanded of one or several extensions, each on its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExtensionRule {
    extensions: &'static [Oid<'static>],
    demand: Demand,
    /// What is said where it is not so.
    message: &'static str,
}

/// What has to be so; of duplicates, the first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// Where it is, it is critical.
    Critical,
    /// Where it is, it is not critical.
    NotCritical,
}

/// The certificates of which something is demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certificates {
    All,
    Ca,
    EndEntity,
    /// Those whose issuer is another than their subject.
    NotSelfIssued,
    /// Those with a subject, which may also be named in subjectAltName alone.
    WithSubject,
}

/// A demand of these extensions, and what is said where it is not met.
pub(crate) const fn demand(
    extensions: &'static [Oid<'static>],
    demand: Demand,
    message: &'static str,
) -> ExtensionRule {
    ExtensionRule {
        extensions,
        demand,
        message,
    }
}

impl Certificates {
    fn contain(self, certificate: &Certificate<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Ca => certificate.is_ca(),
            Self::EndEntity => !certificate.is_ca(),
            Self::NotSelfIssued => !certificate.is_self_issued(),
            Self::WithSubject => !certificate.subject.is_empty(),
        }
    }
}

impl ExtensionRule {
    pub(crate) fn check_certificate(&self, among: Certificates, certificate: &Certificate<'_>) -> Option<String> {
        let broken = self.is_broken(certificate.extensions.as_ref()) && among.contain(certificate);
        broken.then(|| self.message.to_owned())
    }

    pub(crate) fn check_crl(&self, crl: &Crl<'_>) -> Option<String> {
        self.is_broken(crl.extensions.as_ref()).then(|| self.message.to_owned())
    }

    /// The message continues one that names the entry.
    pub(crate) fn check_entry(&self, entry: &Entry<'_>) -> Option<String> {
        self.is_broken(entry.extensions.as_ref())
            .then(|| self.message.to_owned())
    }

    fn is_broken(&self, extensions: Option<&Extensions<'_>>) -> bool {
        self.extensions.iter().any(|oid| {
            let critical = extensions.and_then(|extensions| extensions.criticality(*oid));
            match self.demand {
                Demand::Present => critical.is_none(),
                Demand::Absent => critical.is_some(),
                Demand::Critical => critical == Some(false),
                Demand::NotCritical => critical == Some(true),
            }
        })
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use const_oid::ObjectIdentifier;
    use const_oid::db::DB;

    use crate::{Check, Rule};

    /// Summary and message name the extensions as RFC 5280 does: a row with another's OID is found.
    pub(crate) fn assert_speaks_of_its_extensions(rows: &[Rule]) {
        for row in rows {
            let (Check::CertificateExtension(_, rule) | Check::CrlExtension(rule) | Check::EntryExtension(rule)) =
                row.check
            else {
                panic!("{} is no rule of a table", row.name);
            };
            for oid in rule.extensions {
                let oid = ObjectIdentifier::from_bytes(oid.0).unwrap();
                let name = DB.by_oid(&oid).unwrap();
                // The extension's OID has another name than its type.
                let name = match name.rsplit_once('-').unwrap().1 {
                    "cRLReasons" => "reasonCode",
                    name => name,
                };
                for text in [row.summary, rule.message] {
                    assert!(text.contains(name), "{}: {text:?} does not speak of {name}", row.name);
                }
            }
        }
    }
}
