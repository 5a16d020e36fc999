//! Certificate logs (C2SP static-ct-api): the leaves of data tiles, and the index in an SCT's extensions.

use crate::merkle::{Hash, leaf_hash};
use crate::tile::TileError;

/// The first index that does not fit the leaf_index extension's 40 bits.
pub const MAX_SIZE: u64 = 1 << 40;

/// What a certificate log records (RFC 6962 section 3.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEntry {
    /// A final certificate, in DER.
    Certificate(Vec<u8>),
    /// A precertificate.
    Precertificate {
        /// SHA-256 of the SPKI of the issuer that will sign the certificate.
        issuer_key_hash: [u8; 32],
        /// The TBSCertificate without poison and SCTs, in DER: what the SCT is about.
        tbs_certificate: Vec<u8>,
        /// The whole precertificate as submitted, in DER.
        pre_certificate: Vec<u8>,
    },
}

/// The leaf of a data tile (`TileLeaf`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileLeaf {
    /// When the log took it in, in milliseconds since the epoch; the same as in the SCT.
    pub timestamp_ms: u64,
    /// What it is.
    pub entry: LogEntry,
    /// The SCT's extensions; a static log puts [`leaf_index_extension`] here.
    pub extensions: Vec<u8>,
    /// SHA-256 of each issuing certificate in DER, from the issuer to the root.
    pub chain: Vec<[u8; 32]>,
}

impl TileLeaf {
    /// The leaf in a data tile's form.
    ///
    /// # Errors
    /// A part is empty, or too long for its length field.
    pub fn encode(&self) -> Result<Vec<u8>, TileError> {
        let mut out = self.timestamped_entry()?;
        if let LogEntry::Precertificate {
            pre_certificate, ..
        } = &self.entry
        {
            push_u24(&mut out, pre_certificate)?;
        }
        push_u16(&mut out, self.chain.as_flattened())?;
        Ok(out)
    }

    /// The first leaf in `bytes`, and what follows it.
    ///
    /// # Errors
    /// `bytes` does not start with a whole leaf.
    pub fn decode(bytes: &[u8]) -> Result<(Self, &[u8]), TileError> {
        Self::read(bytes).ok_or(TileError::MalformedLeaf)
    }

    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (timestamp, rest) = bytes.split_first_chunk::<8>()?;
        let (kind, rest) = rest.split_first_chunk::<2>()?;
        let (entry, extensions, rest) = match kind {
            [0, 0] => {
                let (certificate, rest) = read_u24(rest)?;
                let (extensions, rest) = read_u16(rest)?;
                (
                    LogEntry::Certificate(certificate.to_vec()),
                    extensions,
                    rest,
                )
            }
            [0, 1] => {
                let (issuer_key_hash, rest) = rest.split_first_chunk::<32>()?;
                let (tbs_certificate, rest) = read_u24(rest)?;
                let (extensions, rest) = read_u16(rest)?;
                let (pre_certificate, rest) = read_u24(rest)?;
                let entry = LogEntry::Precertificate {
                    issuer_key_hash: *issuer_key_hash,
                    tbs_certificate: tbs_certificate.to_vec(),
                    pre_certificate: pre_certificate.to_vec(),
                };
                (entry, extensions, rest)
            }
            _ => return None,
        };
        let (chain, rest) = read_u16(rest)?;
        let (chain, []) = chain.as_chunks::<32>() else {
            return None;
        };
        let leaf = Self {
            timestamp_ms: u64::from_be_bytes(*timestamp),
            entry,
            extensions: extensions.to_vec(),
            chain: chain.to_vec(),
        };
        Some((leaf, rest))
    }

    /// The hash in the Merkle tree: of the MerkleTreeLeaf, which leaves out the precertificate as
    /// submitted and the chain (RFC 6962 section 3.4).
    ///
    /// # Errors
    /// A part is empty, or too long for its length field.
    pub fn hash(&self) -> Result<Hash, TileError> {
        let mut leaf = vec![0, 0]; // v1, timestamped_entry
        leaf.extend_from_slice(&self.timestamped_entry()?);
        Ok(leaf_hash(&leaf))
    }

    fn timestamped_entry(&self) -> Result<Vec<u8>, TileError> {
        let mut out = self.timestamp_ms.to_be_bytes().to_vec();
        match &self.entry {
            LogEntry::Certificate(certificate) => {
                out.extend_from_slice(&[0, 0]);
                push_u24(&mut out, certificate)?;
            }
            LogEntry::Precertificate {
                issuer_key_hash,
                tbs_certificate,
                ..
            } => {
                out.extend_from_slice(&[0, 1]);
                out.extend_from_slice(issuer_key_hash);
                push_u24(&mut out, tbs_certificate)?;
            }
        }
        push_u16(&mut out, &self.extensions)?;
        Ok(out)
    }
}

/// The extensions of an SCT that say at which index the log holds the entry; none from [`MAX_SIZE`] on.
pub fn leaf_index_extension(index: u64) -> Option<Vec<u8>> {
    if index >= MAX_SIZE {
        return None;
    }
    let [_, _, _, uint40 @ ..] = index.to_be_bytes();
    Some([&[LEAF_INDEX, 0, 5][..], &uint40].concat())
}

/// The index in an SCT's extensions; none if they do not hold it. Extensions of other types are skipped.
///
/// # Errors
/// The extensions are malformed, or hold an index twice.
pub fn leaf_index(extensions: &[u8]) -> Result<Option<u64>, TileError> {
    let mut index = None;
    let mut rest = extensions;
    while let Some((kind, tail)) = rest.split_first() {
        let (data, tail) = read_u16(tail).ok_or(TileError::MalformedLeaf)?;
        rest = tail;
        if *kind != LEAF_INDEX {
            continue;
        }
        let [a, b, c, d, e] = *data else {
            return Err(TileError::MalformedLeaf);
        };
        if index
            .replace(u64::from_be_bytes([0, 0, 0, a, b, c, d, e]))
            .is_some()
        {
            return Err(TileError::MalformedLeaf);
        }
    }
    Ok(index)
}

/// The type of the leaf_index extension.
const LEAF_INDEX: u8 = 0;

fn push_u16(out: &mut Vec<u8>, data: &[u8]) -> Result<(), TileError> {
    let length =
        u16::try_from(data.len()).map_err(|_| TileError::EntryTooLong { found: data.len() })?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(data);
    Ok(())
}

/// Certificates are never empty (RFC 6962 section 3.1: `opaque ASN.1Cert<1..2^24-1>`).
fn push_u24(out: &mut Vec<u8>, data: &[u8]) -> Result<(), TileError> {
    if data.is_empty() {
        return Err(TileError::MalformedLeaf);
    }
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let [0, uint24 @ ..] = length.to_be_bytes() else {
        return Err(TileError::EntryTooLong { found: data.len() });
    };
    out.extend_from_slice(&uint24);
    out.extend_from_slice(data);
    Ok(())
}

fn read_u16(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

fn read_u24(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let ([a, b, c], rest) = bytes.split_first_chunk::<3>()?;
    let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).ok()?;
    if length == 0 {
        return None;
    }
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests;
