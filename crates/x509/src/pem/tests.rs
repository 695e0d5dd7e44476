use proptest::prelude::*;

use super::*;

const LABELS: &[&str] = &["CERTIFICATE REQUEST"];

fn of(text: &[u8]) -> Vec<u8> {
    let mut blocks = decode_all(text).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(text)));
    assert_eq!(blocks.len(), 1);
    blocks.remove(0).der
}

#[test]
fn text_around_blocks_and_line_endings_are_passed_over() {
    let text = b"Subject: x\r\n-----BEGIN A B-----\r\nAQID\r\n-----END A B-----\r\n\r\nmore \xff\n-----BEGIN C-----\nBA\n==\n-----END C-----";
    let blocks = decode_all(text).unwrap();
    assert_eq!(blocks.len(), 2);
    assert_eq!(
        (blocks[0].label.as_str(), blocks[0].der.as_slice()),
        ("A B", &[1, 2, 3][..])
    );
    assert_eq!((blocks[1].label.as_str(), blocks[1].der.as_slice()), ("C", &[4][..]));
}

/// The variants that RFC 7468 sections 2 and 3 allow parsers to accept.
#[test]
fn the_lax_form_is_read() {
    let lax: [&[u8]; 12] = [
        b"\xef\xbb\xbf-----BEGIN A-----\nAQID\n-----END A-----\n",
        b"-----BEGIN A-----\rAQ\rID\r-----END A-----\r",
        b"-----BEGIN A-----\r\nAQ\nI\rD\r\n-----END A-----",
        b"-----BEGIN A----- AQ ID -----END A-----",
        b"-----BEGIN A-----AQID-----END A-----",
        b"-----BEGIN A-----\n A\tQ\x0bI\x0cD \n-----END A-----\n",
        "-----BEGIN A-----\nAQ\u{a0}I\u{3000}D\u{2028}\n-----END A-----\n".as_bytes(),
        b"  \t-----BEGIN A-----  \n\n  AQID\n\n  -----END A-----  \n",
        b"-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,7A1A\n\nAQID\n-----END A-----\n",
        b"-----BEGIN A-----\r\nProc-Type: 4,ENCRYPTED\r\nX: folded\r\n over lines\r\n\r\nAQID\r\n-----END A-----\r\n",
        b"-----BEGIN A-----\nComment: none follows\nAQID\n-----END A-----\n",
        b"the -----BEGIN A----- of a sentence is none\n-----BEGIN A-----\nAQID\n-----END A-----\n",
    ];
    for text in lax {
        assert_eq!(of(text), [1, 2, 3], "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn a_block_is_found_by_its_label_and_decoded_alone() {
    let key = "-----BEGIN EC PARAMETERS-----\n####\n-----END EC PARAMETERS-----\n-----BEGIN EC PRIVATE KEY-----\r\nAQ\r\nID\r\n-----END EC PRIVATE KEY-----\r\n";
    let found = first(key.as_bytes(), |label| label.ends_with("PRIVATE KEY")).unwrap();
    assert_eq!((found.label(), found.is_encrypted()), ("EC PRIVATE KEY", false));
    assert_eq!(found.decode().unwrap(), [1, 2, 3]);
    assert!(!format!("{found:?}").contains("AQ"), "a key is not shown");
    let refused = first(key.as_bytes(), |label| label == "CERTIFICATE").unwrap_err();
    assert!(matches!(refused, PemError::OtherLabel { label } if label == "EC PARAMETERS"));
    assert!(first(b"nothing", |_| true).is_err());

    let sealed = b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: X,1\n\nAQID\n-----END RSA PRIVATE KEY-----\n";
    assert!(first(sealed, |_| true).unwrap().is_encrypted());
    assert_eq!(blocks(key.as_bytes()).count(), 2);
}

#[test]
fn other_blocks_may_hold_anything() {
    let wanted = "-----BEGIN CERTIFICATE REQUEST-----\nAQID\n-----END CERTIFICATE REQUEST-----\n";
    let others = [
        "-----BEGIN PGP MESSAGE-----\nVersion: 1\n\nAQID\n=abcd\n-----END PGP MESSAGE-----\n",
        "-----BEGIN X-----\n*** removed ***\n-----END X-----\n",
        "-----BEGIN CUT SHORT-----\nAQID\n",
        "-----BEGIN X-----\nAQID\n-----END Y-----\n",
    ];
    for other in others {
        for text in [format!("{other}{wanted}"), format!("{wanted}{other}")] {
            let blocks = decode(text.as_bytes(), LABELS).unwrap();
            assert_eq!((blocks.len(), blocks[0].der.as_slice()), (1, &[1, 2, 3][..]), "{text}");
        }
        assert!(decode_all(format!("{wanted}{other}").as_bytes()).is_err(), "{other}");
        let none = decode(other.as_bytes(), LABELS);
        assert!(matches!(none, Err(PemError::OtherLabel { .. })), "{none:?}");
    }
}

#[test]
fn what_only_looks_like_pem_gets_a_hint() {
    let utf16 = |text: &str, big: bool| -> Vec<u8> {
        let octets = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        text.encode_utf16().flat_map(octets).collect()
    };
    let pem = "-----BEGIN A-----\nMIAB\n-----END A-----\n";
    let long = BASE64.encode(&[&[0x30, 0x81, 0x90][..], &[0; 0x90]].concat());
    let der = BASE64.decode(long.as_bytes()).unwrap();
    let invisible = |line, character| PemError::Invisible { line, character };
    let label = || "A".to_owned();
    let hints: Vec<(Vec<u8>, PemError)> = vec![
        (b"".to_vec(), PemError::Empty),
        (b" \r\n\xef".to_vec(), PemError::NoBlock),
        (b"\xef\xbb\xbf\n".to_vec(), PemError::Empty),
        (b"no block".to_vec(), PemError::NoBlock),
        (utf16(&format!("\u{feff}{pem}"), false), PemError::Utf16),
        (utf16(&format!("\u{feff}{pem}"), true), PemError::Utf16),
        (utf16(pem, false), PemError::Utf16),
        (utf16(pem, true), PemError::Utf16),
        (pem.replace('\n', r"\n").into_bytes(), PemError::SpeltOutLineEnds),
        (pem.replace('\n', r"\r\n").into_bytes(), PemError::SpeltOutLineEnds),
        (
            pem.replace("-----BEGIN", "> -----BEGIN")
                .replace("MI", "> MI")
                .into_bytes(),
            PemError::Quoted,
        ),
        (pem.replace("MI", "> MI").into_bytes(), PemError::Quoted),
        (long.clone().into_bytes(), PemError::NoBoundaries),
        (
            format!("{}\r\n{}\n", &long[..64], &long[64..]).into_bytes(),
            PemError::NoBoundaries,
        ),
        (pem.replace("-----", "----").into_bytes(), PemError::Boundaries),
        (
            pem.replace("-----", "\u{2014}\u{2014}").into_bytes(),
            PemError::Boundaries,
        ),
        (format!("\"{pem}\"").into_bytes(), PemError::Boundaries),
        (pem.replace("MI", "M\u{200b}I").into_bytes(), invisible(2, 0x200b)),
        (format!("\n\u{200b}{pem}").into_bytes(), invisible(2, 0x200b)),
        (format!("\u{feff}\u{feff}{pem}").into_bytes(), invisible(1, 0xfeff)),
        ([der.as_slice(), b"\n"].concat(), PemError::LineEndBehindDer),
        ([der.as_slice(), b"\r\n"].concat(), PemError::LineEndBehindDer),
        ([der.as_slice(), b"\0"].concat(), PemError::NotWhole),
        (der[..der.len() - 1].to_vec(), PemError::NotWhole),
        (der, PemError::OtherDer),
        (
            b"-----BEGIN A-----\nAQID\n".to_vec(),
            PemError::CutShort { label: label() },
        ),
        (
            b"-----BEGIN A-----\n-----BEGIN A-----\nAQID\n-----END A-----\n".to_vec(),
            PemError::CutShort { label: label() },
        ),
        (
            b"-----BEGIN A-----\nAQID\n-----END B-----\n".to_vec(),
            PemError::LabelsDiffer {
                begin: label(),
                end: "B".to_owned(),
            },
        ),
        (
            b"-----BEGIN A-----\nAQI\n-----END A-----\n".to_vec(),
            PemError::Base64 { label: label() },
        ),
        (
            b"x\r\n-----BEGIN A-----\r\nAQ\r\n*I\r\n-----END A-----\n".to_vec(),
            PemError::Line { line: 4 },
        ),
    ];
    for (text, hint) in hints {
        assert_eq!(decode_all(&text), Err(hint), "{}", String::from_utf8_lossy(&text));
    }
}

/// No octet is scanned twice, however many boundaries there are.
#[test]
fn the_work_is_linear() {
    for piece in [
        "-----BEGIN A-----\n",
        "-----BEGIN A-----x",
        "   -----BEGIN ",
        "-----",
        "A: b\n",
        "> ",
        "\u{200b}",
    ] {
        let text = piece.repeat(200_000);
        let start = std::time::Instant::now();
        let _ = decode_all(text.as_bytes());
        let _ = decode(text.as_bytes(), LABELS);
        let within = std::time::Duration::from_secs(10);
        assert!(start.elapsed() < within, "{piece:?} took {:?}", start.elapsed());
    }
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_itself(der in proptest::collection::vec(any::<u8>(), 0..300)) {
        let pem = encode("CERTIFICATE", &der);
        prop_assert!(pem.lines().all(|line| line.len() <= 64));
        prop_assert!(is_pem(pem.as_bytes()));
        let blocks = decode_all(pem.as_bytes()).unwrap();
        prop_assert_eq!(blocks, vec![Block { label: "CERTIFICATE".to_owned(), der }]);
    }

    /// White space anywhere within the content changes nothing.
    #[test]
    fn white_space_within_is_passed_over(
        der in proptest::collection::vec(any::<u8>(), 1..100),
        spaces in proptest::collection::vec((any::<proptest::sample::Index>(), "[ \t\r\n\x0b\x0c]{1,3}"), 0..20),
    ) {
        let pem = encode("A", &der);
        let (start, end) = ("-----BEGIN A-----".len(), pem.len() - "-----END A-----\n".len());
        let mut content = pem[start..end].to_owned();
        for (at, space) in spaces {
            content.insert_str(at.index(content.len()), &space);
        }
        prop_assert_eq!(of(format!("{}{content}{}", &pem[..start], &pem[end..]).as_bytes()), der);
    }

    #[test]
    fn decoding_never_panics(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_all(&text);
        let _ = decode(&text, &["A"]);
    }

    #[test]
    fn pieces_of_pem_never_panic(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just("-----BEGIN A-----"), Just("-----END A-----"), Just("-----END B-----"), Just("-----"), Just("\n"),
                Just("\r"), Just("AQID"), Just("A: b"), Just(" "), Just("\u{feff}"), Just("\\n"), Just(">"), Just("=")
            ],
            0..12,
        ),
    ) {
        let text = pieces.concat();
        let _ = decode(text.as_bytes(), &["A"]);
        if let Ok(blocks) = decode_all(text.as_bytes()) {
            prop_assert!(blocks.iter().all(|block| block.der.len() < text.len()));
        }
    }
}
