//! Requirements on every [`Publication`].

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use chancery_authority::port::publication::Stat;
use chancery_authority::port::{Body, ETag, Precondition, Publication, PublicationError, PublishedName};
use futures_util::future::join_all;

/// Tests every requirement of [`Publication`].
///
/// # Panics
/// If a requirement is violated.
pub async fn publication(make: impl AsyncFn() -> Arc<dyn Publication>) {
    puts_and_reads(&*make().await).await;
    preconditions_hold(&*make().await).await;
    one_of_many_wins(make().await, None).await;
    let contended = make().await;
    let etag = put(&*contended, "contended.crl", b"first", Precondition::None).await;
    one_of_many_wins(contended, Some(etag)).await;
    a_body_that_fails_changes_nothing(&*make().await).await;
    readers_see_whole_files(make().await).await;
    scratch_space_is_private(&*make().await);
}

async fn puts_and_reads(publication: &dyn Publication) {
    let name = named("a-ca.crl");
    assert_eq!(
        ok(publication.stat(&name).await),
        None,
        "a file that was never put has no facts"
    );
    assert_eq!(
        ok(publication.read(&name).await),
        None,
        "a file that was never put cannot be read"
    );

    let first = put(publication, "a-ca.crl", b"first", Precondition::None).await;
    assert_eq!(
        content(publication, "a-ca.crl").await,
        (first.clone(), b"first".to_vec()),
        "what was put is read"
    );
    let Some(Stat { etag, len, modified }) = ok(publication.stat(&name).await) else {
        panic!("a file that was put has facts");
    };
    assert_eq!((etag, len), (first.clone(), 5), "facts are those of the file");
    assert!(modified.0 > 0, "a file was modified some time");

    let second = put(publication, "a-ca.crl", b"second", Precondition::None).await;
    assert_ne!(first, second, "another content is another version");
    assert_eq!(
        content(publication, "a-ca.crl").await,
        (second, b"second".to_vec()),
        "the newest put is read"
    );

    put(publication, "b-ca.crl", b"", Precondition::None).await;
    assert_eq!(content(publication, "b-ca.crl").await.1, b"", "an empty file is a file");
    assert_eq!(
        content(publication, "a-ca.crl").await.1,
        b"second",
        "files do not touch each other"
    );

    let long: Vec<u8> = (0..3_000_000u32)
        .map(|i| i.to_le_bytes()[0] ^ i.to_le_bytes()[1])
        .collect();
    put(publication, "long.crl", &long, Precondition::Absent).await;
    assert!(
        content(publication, "long.crl").await.1 == long,
        "a file of three million octets comes back unchanged"
    );
}

async fn preconditions_hold(publication: &dyn Publication) {
    let failed = Err(PublicationError::PreconditionFailed { name: named("x.crl") });
    let elsewhere = put(publication, "y.crl", b"elsewhere", Precondition::None).await;

    let early = try_put(publication, "x.crl", b"0", Precondition::Match(elsewhere.clone())).await;
    assert_eq!(early, failed, "Match fails where there is no file");
    assert_eq!(
        ok(publication.stat(&named("x.crl")).await),
        None,
        "a failed precondition changes nothing"
    );

    let first = put(publication, "x.crl", b"1", Precondition::Absent).await;
    assert_eq!(
        try_put(publication, "x.crl", b"2", Precondition::Absent).await,
        failed,
        "Absent fails where there is a file"
    );
    let second = put(publication, "x.crl", b"3", Precondition::Match(first.clone())).await;
    let late = try_put(publication, "x.crl", b"4", Precondition::Match(first)).await;
    assert_eq!(late, failed, "Match fails where the version is a newer one");
    assert_eq!(
        content(publication, "x.crl").await,
        (second, b"3".to_vec()),
        "a failed precondition changes nothing"
    );
}

async fn one_of_many_wins(publication: Arc<dyn Publication>, current: Option<ETag>) {
    let writers = (0..16u8).map(|writer| {
        let publication = publication.clone();
        let precondition = current.clone().map_or(Precondition::Absent, Precondition::Match);
        tokio::spawn(async move { try_put(&*publication, "contended.crl", &[writer; 64], precondition).await })
    });
    let mut winners = Vec::new();
    for (writer, outcome) in (0u8..).zip(join_all(writers).await) {
        match outcome {
            Ok(Ok(etag)) => winners.push((etag, vec![writer; 64])),
            Ok(Err(PublicationError::PreconditionFailed { .. })) => {}
            other => panic!("of several writers one wins, the others get PreconditionFailed: {other:?}"),
        }
    }
    assert_eq!(
        winners.len(),
        1,
        "of several writers with one precondition exactly one wins"
    );
    assert_eq!(
        content(&*publication, "contended.crl").await,
        winners[0],
        "the winner's file is the one that is read"
    );
}

async fn a_body_that_fails_changes_nothing(publication: &dyn Publication) {
    struct Broken(bool);
    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::Error::other("the body broke"));
            }
            buffer.fill(b'x');
            Ok(buffer.len())
        }
    }
    put(publication, "x.crl", b"old", Precondition::None).await;
    let outcome = publication
        .put(&named("x.crl"), Box::new(Broken(false)), Precondition::None)
        .await;
    assert!(
        matches!(outcome, Err(PublicationError::Failed { .. })),
        "a body that fails is a failed put: {outcome:?}"
    );
    assert_eq!(
        content(publication, "x.crl").await.1,
        b"old",
        "after a failed put readers see the old file"
    );
}

async fn readers_see_whole_files(publication: Arc<dyn Publication>) {
    const LEN: usize = 200_000;
    put(&*publication, "x.crl", &vec![b'a'; LEN], Precondition::None).await;
    let writer = {
        let publication = publication.clone();
        tokio::spawn(async move {
            for round in 0..20u8 {
                put(
                    &*publication,
                    "x.crl",
                    &vec![b'b' + round; LEN + usize::from(round)],
                    Precondition::None,
                )
                .await;
                tokio::task::yield_now().await;
            }
        })
    };
    while !writer.is_finished() {
        let (_, seen) = content(&*publication, "x.crl").await;
        let whole = seen.iter().all(|octet| *octet == seen[0]) && seen.len() >= LEN;
        let grown = seen.len() - LEN;
        assert!(
            whole && (seen[0] == b'a' || usize::from(seen[0] - b'b') == grown),
            "a reader sees one file, whole"
        );
        tokio::task::yield_now().await;
    }
    writer
        .await
        .unwrap_or_else(|error| panic!("the writer panicked: {error}"));
}

fn scratch_space_is_private(publication: &dyn Publication) {
    let take = || {
        publication
            .scratch()
            .unwrap_or_else(|error| panic!("scratch space is to be had: {error}"))
    };
    let (mut one, mut other) = (take(), take());
    let mut round_trip = || -> io::Result<(String, String)> {
        one.write_all(b"one, and more")?;
        other.write_all(b"other")?;
        one.seek(SeekFrom::Start(3))?;
        one.write_all(b"!")?;
        one.seek(SeekFrom::Start(0))?;
        other.seek(SeekFrom::Start(0))?;
        let (mut first, mut second) = (String::new(), String::new());
        one.read_to_string(&mut first)?;
        other.read_to_string(&mut second)?;
        Ok((first, second))
    };
    let read = round_trip().unwrap_or_else(|error| panic!("scratch space is written, rewound and read: {error}"));
    assert_eq!(
        read,
        ("one! and more".to_owned(), "other".to_owned()),
        "each scratch space is its own"
    );
}

fn named(name: &str) -> PublishedName {
    PublishedName::new(name).unwrap_or_else(|error| panic!("{error}"))
}

fn ok<T>(outcome: Result<T, PublicationError>) -> T {
    outcome.unwrap_or_else(|error| panic!("nothing is wrong, yet: {error}"))
}

async fn try_put(
    publication: &dyn Publication,
    name: &str,
    content: &[u8],
    precondition: Precondition,
) -> Result<ETag, PublicationError> {
    let body: Body = Box::new(Cursor::new(content.to_vec()));
    publication.put(&named(name), body, precondition).await
}

async fn put(publication: &dyn Publication, name: &str, content: &[u8], precondition: Precondition) -> ETag {
    ok(try_put(publication, name, content, precondition).await)
}

async fn content(publication: &dyn Publication, name: &str) -> (ETag, Vec<u8>) {
    let Some((stat, content)) = ok(publication.read(&named(name)).await) else {
        panic!("{name} was put and can be read");
    };
    assert_eq!(stat.len, content.len() as u64, "the length told is the content's");
    (stat.etag, content)
}
