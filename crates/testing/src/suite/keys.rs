//! Requirements on every [`KeyStore`] and every [`IntentKeys`].

use std::collections::HashSet;
use std::sync::Arc;

use chancery_authority::port::{IntentKeys, IntentNonce, KeyName, KeyStore, KeyStoreError};
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use futures_util::future::join_all;

use crate::SignUnchecked as _;

/// Tests every requirement of [`KeyStore`], with each algorithm in `supported`; every other one must be refused as
/// unsupported.
///
/// # Panics
/// If a requirement is violated.
pub async fn key_store(make: impl AsyncFn() -> Arc<dyn KeyStore>, supported: &[CaKeyAlgorithm]) {
    let store = make().await;
    missing_keys_are_said_to_be_missing(&*store).await;
    for algorithm in CaKeyAlgorithm::ALL {
        if supported.contains(&algorithm) {
            makes_and_uses_keys(&*store, algorithm).await;
        } else {
            refuses(&*store, algorithm).await;
        }
    }
    if let Some(&algorithm) = supported
        .iter()
        .find(|algorithm| !is_rsa(**algorithm))
        .or(supported.first())
    {
        one_of_many_creators_wins(&store, algorithm).await;
        signs_concurrently(&store, algorithm).await;
    }
}

async fn missing_keys_are_said_to_be_missing(store: &dyn KeyStore) {
    let name = KeyName("contract-no-such-key".to_owned());
    let missing = KeyStoreError::NotFound(name.clone());
    assert_eq!(
        store.public_key(&name).await.err(),
        Some(missing.clone()),
        "public_key of a key that is not there"
    );
    let signed = store.sign_unchecked(&name, &SigningInput::Sha256([7; 32])).await;
    assert_eq!(signed.err(), Some(missing), "sign with a key that is not there");
}

async fn makes_and_uses_keys(store: &dyn KeyStore, algorithm: CaKeyAlgorithm) {
    let label = algorithm.name();
    let name = KeyName(format!("contract-{label}"));
    let made = store
        .create(&name, algorithm)
        .await
        .unwrap_or_else(|error| panic!("{label}: create: {error}"));
    assert_eq!(
        made.algorithm(),
        algorithm,
        "{label}: a key is of the algorithm asked for"
    );
    let read = store
        .public_key(&name)
        .await
        .unwrap_or_else(|error| panic!("{label}: public_key: {error}"));
    assert_eq!(
        read.as_der(),
        made.as_der(),
        "{label}: public_key gives the key that create made"
    );

    let again = store.create(&name, algorithm).await.map(|key| key.as_der().to_vec());
    assert_eq!(
        again,
        Err(KeyStoreError::AlreadyExists(name.clone())),
        "{label}: a name is used once"
    );
    let unchanged = store
        .public_key(&name)
        .await
        .unwrap_or_else(|error| panic!("{label}: public_key: {error}"));
    assert_eq!(
        unchanged.as_der(),
        made.as_der(),
        "{label}: a second create changes nothing"
    );

    let mut receipts = HashSet::new();
    for octet in 0..3 {
        let input = input_for(algorithm, octet);
        let signed = store
            .sign_unchecked(&name, &input)
            .await
            .unwrap_or_else(|error| panic!("{label}: sign: {error}"));
        assert!(
            made.verify(&input, &signed.signature).is_ok(),
            "{label}: the public key verifies what was signed"
        );
        assert!(
            made.verify(&input_for(algorithm, octet + 1), &signed.signature)
                .is_err(),
            "{label}: a signature is one over its own input alone"
        );
        assert!(!signed.receipt.0.is_empty(), "{label}: a receipt names something");
        assert!(
            receipts.insert(signed.receipt),
            "{label}: every signature has its own receipt"
        );
    }

    for other in [
        input_for(CaKeyAlgorithm::P256, 1),
        input_for(CaKeyAlgorithm::P384, 1),
        input_for(CaKeyAlgorithm::P521, 1),
        input_for(CaKeyAlgorithm::MlDsa44, 1),
    ] {
        if std::mem::discriminant(&other) != std::mem::discriminant(&input_for(algorithm, 1)) {
            let refused = store.sign_unchecked(&name, &other).await.err();
            let wanted = KeyStoreError::WrongInput(name.clone());
            assert_eq!(
                refused,
                Some(wanted),
                "{label}: an input of another algorithm is not signed"
            );
        }
    }
}

async fn refuses(store: &dyn KeyStore, algorithm: CaKeyAlgorithm) {
    let label = algorithm.name();
    let name = KeyName(format!("contract-{label}"));
    match store.create(&name, algorithm).await {
        Err(KeyStoreError::UnsupportedAlgorithm { algorithm: named }) => {
            assert_eq!(named, label, "the refusal names the algorithm");
        }
        other => panic!("{label}: an algorithm that the store cannot use is refused as such: {other:?}"),
    }
}

async fn one_of_many_creators_wins(store: &Arc<dyn KeyStore>, algorithm: CaKeyAlgorithm) {
    let name = KeyName("contract-contended".to_owned());
    let creators = (0..8).map(|_| {
        let (store, name) = (store.clone(), name.clone());
        tokio::spawn(async move { store.create(&name, algorithm).await })
    });
    let mut winners = Vec::new();
    for outcome in join_all(creators).await {
        match outcome {
            Ok(Ok(key)) => winners.push(key),
            Ok(Err(KeyStoreError::AlreadyExists(_))) => {}
            other => panic!("of several creators one wins and the others get AlreadyExists: {other:?}"),
        }
    }
    assert_eq!(winners.len(), 1, "of several creators exactly one wins");
    let kept = store
        .public_key(&name)
        .await
        .unwrap_or_else(|error| panic!("public_key: {error}"));
    assert_eq!(
        kept.as_der(),
        winners[0].as_der(),
        "the winner's key is the one that is kept"
    );
}

async fn signs_concurrently(store: &Arc<dyn KeyStore>, algorithm: CaKeyAlgorithm) {
    let name = KeyName("contract-contended".to_owned());
    let public = store
        .public_key(&name)
        .await
        .unwrap_or_else(|error| panic!("public_key: {error}"));
    let signers = (0..32u8).map(|octet| {
        let (store, name, input) = (store.clone(), name.clone(), input_for(algorithm, octet));
        tokio::spawn(async move { (store.sign_unchecked(&name, &input).await, input) })
    });
    let mut receipts = HashSet::new();
    for outcome in join_all(signers).await {
        let (signed, input) = outcome.unwrap_or_else(|error| panic!("a signing task panicked: {error}"));
        let signed = signed.unwrap_or_else(|error| panic!("many may sign at a time: {error}"));
        assert!(
            public.verify(&input, &signed.signature).is_ok(),
            "concurrent signatures are not mixed up"
        );
        assert!(receipts.insert(signed.receipt), "every signature has its own receipt");
    }
}

fn is_rsa(algorithm: CaKeyAlgorithm) -> bool {
    matches!(
        algorithm,
        CaKeyAlgorithm::Rsa2048 | CaKeyAlgorithm::Rsa3072 | CaKeyAlgorithm::Rsa4096
    )
}

fn input_for(algorithm: CaKeyAlgorithm, octet: u8) -> SigningInput {
    match algorithm {
        CaKeyAlgorithm::Rsa2048 | CaKeyAlgorithm::Rsa3072 | CaKeyAlgorithm::Rsa4096 | CaKeyAlgorithm::P256 => {
            SigningInput::Sha256([octet; 32])
        }
        CaKeyAlgorithm::P384 => SigningInput::Sha384([octet; 48]),
        CaKeyAlgorithm::P521 => SigningInput::Sha512([octet; 64]),
        CaKeyAlgorithm::MlDsa44 | CaKeyAlgorithm::MlDsa65 | CaKeyAlgorithm::MlDsa87 => SigningInput::Mu([octet; 64]),
    }
}

/// Tests every requirement of [`IntentKeys`]: `make` returns further users of the same secret, also concurrently.
///
/// # Panics
/// If a requirement is violated.
pub async fn intent_keys(make: impl AsyncFn() -> Arc<dyn IntentKeys>) {
    let (one, other) = (IntentNonce([1; 32]), IntentNonce([2; 32]));
    // The first user creates the secret, if it is created on demand; the others find it.
    let makers = join_all((0..4).map(|_| make())).await;
    let derived = join_all(makers.iter().map(|keys| keys.derive(&one))).await;
    let mut codes = Vec::new();
    for key in derived {
        let key = key.unwrap_or_else(|error| panic!("a key is derived by many at a time: {error}"));
        codes.push(key.code(b"a message"));
    }
    codes.dedup();
    assert_eq!(codes.len(), 1, "all of them have one secret");
    for keys in [make().await, make().await] {
        let key = keys
            .derive(&one)
            .await
            .unwrap_or_else(|error| panic!("a key is derived: {error}"));
        assert!(
            key.verifies(b"a message", &codes[0]),
            "every user of a secret derives the same key"
        );
        assert!(!key.verifies(b"another", &codes[0]), "a code is that of one message");
        let key = keys
            .derive(&other)
            .await
            .unwrap_or_else(|error| panic!("a key is derived: {error}"));
        assert!(
            !key.verifies(b"a message", &codes[0]),
            "every nonce has a key of its own"
        );
    }
}
