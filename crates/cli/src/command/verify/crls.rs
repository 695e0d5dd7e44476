//! Selects, among the given CRLs, those that apply to a certificate.

use chancery_x509::certificate::Certificate;
use chancery_x509::crl::RevocationList;
use chancery_x509::time::UnixTime;

/// CRLs in the order in which they are consulted, and those left out.
pub(super) struct Lists {
    pub(super) crls: Vec<RevocationList>,
    /// Why each of the others is left out, as text.
    pub(super) left_out: Vec<String>,
}

impl Lists {
    /// Of several CRLs of one CA and scope the newest applies, in whatever order they are given: webpki uses the first
    /// that covers a certificate, and an older one lacks later revocations. The newest is the one with the highest
    /// number (RFC 5280 section 5.2.3), whatever its thisUpdate. One that begins in the future was made while a clock
    /// was ahead, and is left out.
    pub(super) fn new(crls: Vec<RevocationList>, now: UnixTime) -> Self {
        let (mut crls, ahead): (Vec<_>, Vec<_>) = crls.into_iter().partition(|crl| crl.this_update() <= now);
        crls.sort_by_key(|crl| std::cmp::Reverse((crl.number(), crl.this_update())));
        let left_out = ahead.iter().map(|crl| {
            let number = crl
                .number()
                .map_or_else(String::new, |number| format!(" number {number}"));
            let (issuer, from) = (crl.issuer().to_rfc4514(), crl.this_update());
            format!("the CRL{number} of {issuer} begins only at {from}, and was left out")
        });
        Self {
            left_out: left_out.collect(),
            crls,
        }
    }

    /// Says which of the certificates the CRLs list; `None` if they list none of them.
    pub(super) fn revoked_among<'a>(&self, certificates: impl Iterator<Item = &'a Certificate>) -> Option<String> {
        let revoked: Vec<String> = certificates
            .filter(|certificate| {
                self.of(certificate)
                    .iter()
                    .filter(|crl| crl.issuer() == certificate.issuer())
                    .any(|crl| matches!(crl.find(&certificate.serial()), Ok(Some(_))))
            })
            .map(|certificate| {
                format!(
                    "the certificate of {}, serial number {}, is revoked",
                    certificate.subject().to_rfc4514(),
                    certificate.serial()
                )
            })
            .collect();
        (!revoked.is_empty()).then(|| revoked.join("; "))
    }

    /// Those that may cover a certificate: a CRL of a distribution point, such as a shard, covers only certificates
    /// that name that point (RFC 5280 section 6.3.3).
    pub(super) fn of(&self, certificate: &Certificate) -> Vec<&RevocationList> {
        let named = certificate.crl_distribution_points().unwrap_or_default();
        let covers = |crl: &&RevocationList| {
            crl.issuing_distribution_point()
                .is_none_or(|point| point.urls.is_empty() || point.urls.iter().any(|url| named.contains(url)))
        };
        self.crls.iter().filter(covers).collect()
    }
}
