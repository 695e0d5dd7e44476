//! What must hold of a house, whatever failed in it.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::digest;
use chancery_authority::config::Config;
use chancery_authority::port::ledger::{CrlScope, IntentId, Kind, Ledger};
use chancery_authority::port::{KeyName, KeyStore};
use chancery_x509::certificate::{Certificate, TbsCertificate};
use chancery_x509::crl::RevocationList;
use chancery_x509::pem;

use super::Office;

impl Office {
    /// Every signature is in the ledger, no serial is there twice, no CRL number goes backwards, nothing is published that
    /// is not recorded.
    pub(crate) async fn check(&self, context: &str) {
        self.every_signature_is_recorded(context).await;
        self.no_serial_twice(context);
        self.published_crls_are_recorded_and_rise(context);
        self.published_certificates_are_recorded(context).await;
    }

    /// On top of that, once all has been repeated: no intent is open, and every CRL lists all that is revoked.
    pub(crate) async fn check_recovered(&self, context: &str) {
        self.check(context).await;
        assert_eq!(
            super::open_intents(&self.house).await,
            0,
            "{context}: an intent is still open"
        );
        for scope in self.authority.crl_scopes() {
            let listed = self.listed(Config::crl_name(&scope).as_str());
            let pem = self.listed(Config::crl_pem_name(&scope).as_str());
            assert_eq!(listed, pem, "{context}: DER and PEM say the same");
            let of_scope = |id: &IntentId, shard| id.issuer == scope.issuer && scope.shard == shard;
            for lost in self.house.ledger.lost_intents() {
                if of_scope(&lost.id, lost.shard) {
                    assert!(
                        listed.contains(&lost.id.serial),
                        "{context}: lost intent {} is not on the CRL",
                        lost.id
                    );
                }
            }
            for record in self.house.ledger.certificates() {
                if of_scope(&record.id, record.shard) {
                    let on_crl = listed.contains(&record.id.serial);
                    assert_eq!(
                        on_crl,
                        record.revocation.is_some(),
                        "{context}: {} on the CRL",
                        record.id
                    );
                }
            }
        }
    }

    async fn every_signature_is_recorded(&self, context: &str) {
        let mut accounted = HashSet::new();
        let certificates = self.house.ledger.certificates().into_iter();
        let certificates = certificates.map(|record| {
            let tbs = Certificate::parse(&record.certificate).unwrap().tbs_der().to_vec();
            (record.id, record.kind, tbs)
        });
        let lost = self
            .house
            .ledger
            .lost_intents()
            .into_iter()
            .map(|intent| (intent.id, intent.kind, intent.tbs));
        let open = self
            .house
            .ledger
            .open_intents(chancery_x509::time::UnixTime(i64::MAX), 1000)
            .await
            .unwrap();
        let open = open.into_iter().map(|intent| (intent.id, intent.kind, intent.tbs));
        for (id, kind, tbs) in certificates.chain(lost).chain(open) {
            let name = self.key_of(&id, &kind);
            let Ok(key) = self.house.keys.public_key(&name).await else {
                continue;
            };
            let input = TbsCertificate::from_der(tbs, key.algorithm()).signing_input(&key);
            accounted.insert((name, input.as_bytes().to_vec()));
        }
        let mut intended = HashSet::new();
        for ca in self.config.cas() {
            for scope in self
                .authority
                .crl_scopes()
                .into_iter()
                .filter(|scope| scope.issuer == *ca.slug())
            {
                let intents = self.house.ledger.crl_intents(&scope).into_iter();
                intended.extend(intents.map(|intent| (ca.key().clone(), intent.signing_input)));
            }
        }
        for signature in self.house.keys.log() {
            let signed = (signature.key, signature.input.as_bytes().to_vec());
            assert!(
                accounted.contains(&signed) || intended.contains(&signed),
                "{context}: key {} made a signature that is neither of a certificate's intent nor of a CRL's",
                signed.0
            );
        }
    }

    /// The key that signs a certificate: a root's is its own.
    fn key_of(&self, id: &IntentId, kind: &Kind) -> KeyName {
        match kind {
            Kind::Authority { key, parent: None, .. } => key.clone(),
            Kind::Authority { .. } | Kind::Leaf => self.config.ca(&id.issuer).unwrap().key().clone(),
        }
    }

    fn no_serial_twice(&self, context: &str) {
        let mut seen = HashSet::new();
        let certificates = self.house.ledger.certificates().into_iter().map(|record| record.id);
        for id in certificates.chain(self.house.ledger.lost_intents().into_iter().map(|intent| intent.id)) {
            assert!(seen.insert(id.serial), "{context}: serial {} is used twice", id.serial);
        }
        let mut slugs = HashSet::new();
        for record in self.house.ledger.certificates() {
            if let Kind::Authority { slug, .. } = record.kind {
                assert!(slugs.insert(slug.clone()), "{context}: CA {slug} was created twice");
            }
        }
    }

    fn published_crls_are_recorded_and_rise(&self, context: &str) {
        let mut last: HashMap<String, u64> = HashMap::new();
        for put in self.house.publication.story() {
            let name = put.name.as_str().to_owned();
            let Some(scope) = self.scope_of(&name) else { continue };
            let crl = RevocationList::parse(&put.content).unwrap();
            let number = crl.number().unwrap();
            let before = last.insert(name.clone(), number);
            assert!(
                before.is_none_or(|before| before < number),
                "{context}: {name} went from {before:?} to {number}"
            );
            let recorded = self
                .house
                .ledger
                .crls(&scope)
                .into_iter()
                .find(|record| record.number == number);
            let recorded = recorded.unwrap_or_else(|| panic!("{context}: {name} number {number} is not recorded"));
            let found = digest::digest(&digest::SHA256, crl.as_der());
            assert_eq!(
                found.as_ref(),
                recorded.digest,
                "{context}: {name} number {number} is another CRL"
            );
        }
    }

    fn scope_of(&self, name: &str) -> Option<CrlScope> {
        let scopes = self.config.crl_scopes();
        let named = |scope: &CrlScope| [Config::crl_name(scope), Config::crl_pem_name(scope)];
        scopes
            .into_iter()
            .find(|scope| named(scope).iter().any(|known| known.as_str() == name))
    }

    async fn published_certificates_are_recorded(&self, context: &str) {
        let recorded: Vec<_> = self
            .house
            .ledger
            .authorities()
            .await
            .unwrap()
            .into_iter()
            .map(|ca| ca.certificate)
            .collect();
        for put in self.house.publication.story() {
            if self.scope_of(put.name.as_str()).is_none() {
                for block in pem::decode_all(&put.content).unwrap() {
                    assert!(
                        recorded.contains(&block.der),
                        "{context}: {} has a certificate of nobody",
                        put.name
                    );
                }
            }
        }
    }
}
