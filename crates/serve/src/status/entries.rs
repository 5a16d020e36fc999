//! Entries of the signature log, read for people.

use signhere_log::reader::{LogReader, ReadError};
use signhere_log::tile::WIDTH;
use signhere_pki::cert::Certificate;
use signhere_pki::digest::{Digest, sha256};
use signhere_pki::fulcio;
use signhere_verify::entry::{LoggedDigest, LoggedEntry, LoggedKey};

use super::report::Entry;

/// The digest that an entry was logged for; none if the entry is of a kind that no client sends here.
pub(crate) fn digest(body: &[u8]) -> Option<Digest> {
    read(body).map(|(digest, _)| digest)
}

/// The certificate in an entry.
pub(crate) fn certificate(body: &[u8]) -> Option<Certificate> {
    match read(body)?.1 {
        LoggedKey::Certificate(der) => Certificate::from_der(&der).ok(),
        LoggedKey::PublicKey(_) => None,
    }
}

/// Entry `index` of the log `log`, as far as it can be read.
pub(crate) fn summary(log: &str, index: u64, body: &[u8]) -> Entry {
    let mut entry = Entry {
        log: log.to_owned(),
        index,
        algorithm: None,
        digest: None,
        identity: None,
        issuer: None,
        not_before: None,
        not_after: None,
        key: None,
    };
    let Some((digest, key)) = read(body) else {
        return entry;
    };
    entry.algorithm = Some(digest.algorithm().name().to_owned());
    entry.digest = Some(hex::encode(digest.as_bytes()));
    match key {
        LoggedKey::Certificate(der) => {
            if let Ok(certificate) = Certificate::from_der(&der) {
                entry.identity = certificate.san().map(|san| san.to_string());
                entry.issuer = fulcio::issuer(&certificate);
                entry.not_before = Some(certificate.not_before());
                entry.not_after = Some(certificate.not_after());
            }
        }
        LoggedKey::PublicKey(key) => entry.key = Some(hex::encode(sha256(key.spki_der()))),
    }
    entry
}

/// Up to `count` entries of the log at `size` that end before index `before`, newest first. Blocks.
pub(crate) fn newest(
    log: &str,
    reader: &LogReader,
    size: u64,
    before: u64,
    count: u64,
) -> Result<Vec<Entry>, ReadError> {
    let width = u64::from(WIDTH);
    let end = before.min(size);
    let start = end.saturating_sub(count);
    let mut found = Vec::new();
    let mut tile = start / width;
    while tile.saturating_mul(width) < end {
        let first = tile.saturating_mul(width);
        for (index, body) in (first..).zip(reader.entries(tile, size)?) {
            if (start..end).contains(&index) {
                found.push(summary(log, index, &body));
            }
        }
        tile = tile.saturating_add(1);
    }
    found.reverse();
    Ok(found)
}

fn read(body: &[u8]) -> Option<(Digest, LoggedKey)> {
    let (entry, _) = LoggedEntry::parse("hashedrekord", "0.0.2", body).ok()?;
    let LoggedDigest::Signed(digest) = entry.digest else {
        return None;
    };
    let signature = entry.signatures.into_iter().next()?;
    Some((digest, signature.key))
}
