//! Chains and timestamps that another program made, each with its expected outcome.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fmt::Debug, fs, path::Path};

use signhere_pki::{
    cert::Certificate,
    chain::{Chain, ChainError, Purpose},
    pem,
    time::Time,
    tsp::{TimestampToken, TspError, VerifiedTimestamp},
};

/// 2030-01-01T00:00:00Z
const AT: Time = Time::from_unix(1_893_456_000);

struct Vector {
    name: String,
    text: String,
}

impl Vector {
    fn all(folder: &str) -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../testdata")
            .join(folder);
        let mut vectors: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "pem"))
            .map(|path| Self {
                name: path.file_stem().unwrap().to_string_lossy().into_owned(),
                text: fs::read_to_string(&path).unwrap(),
            })
            .collect();
        vectors.sort_by(|a, b| a.name.cmp(&b.name));
        vectors
    }

    fn field(&self, name: &str) -> &str {
        self.text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .unwrap()
    }

    fn certificates(&self) -> Vec<Certificate> {
        let blocks = pem::decode_all(&self.text).unwrap();
        blocks
            .iter()
            .filter(|block| block.label == "CERTIFICATE")
            .map(|block| Certificate::from_der(&block.contents).unwrap())
            .collect()
    }

    fn assert<T: Debug, E: Debug>(&self, result: Result<T, E>) {
        let found = match &result {
            Ok(_) => "ok".to_owned(),
            Err(error) => {
                let error = format!("{error:?}");
                error.split([' ', '(']).next().unwrap().to_owned()
            }
        };
        assert_eq!(found, self.field("expected"), "{}: {result:?}", self.name);
    }
}

#[test]
fn chains() {
    let vectors = Vector::all("chains");
    assert_eq!(vectors.len(), 26);
    for vector in vectors {
        let certificates = vector.certificates();
        let (leaf, list) = certificates.split_first().unwrap();
        let purpose = match vector.field("purpose") {
            "code-signing" => Purpose::CodeSigning,
            "time-stamping" => Purpose::TimeStamping,
            other => panic!("{other}"),
        };
        let verify = || -> Result<(), ChainError> {
            Chain::new(list)?.verify_leaf(leaf, AT, purpose).map(drop)
        };
        vector.assert(verify());
    }
}

#[test]
fn timestamps() {
    let vectors = Vector::all("timestamps");
    assert_eq!(vectors.len(), 11);
    for vector in vectors {
        let mut list = vector.certificates();
        list.reverse();
        let chain = Chain::new(&list).unwrap();
        let blocks = pem::decode_all(&vector.text).unwrap();
        let reply = &blocks.last().unwrap().contents;
        let verify = || -> Result<VerifiedTimestamp, TspError> {
            TimestampToken::from_response(reply)?.verify(b"the message", &chain)
        };
        vector.assert(verify());
        if vector.field("expected") == "ok" {
            let token = TimestampToken::from_response(reply).unwrap();
            let other = token.verify(b"another message", &chain);
            assert!(
                matches!(other, Err(TspError::ImprintMismatch { .. })),
                "{other:?}"
            );
        }
    }
}
