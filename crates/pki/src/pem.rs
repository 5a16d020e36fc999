//! RFC 7468 text encodings: `-----BEGIN LABEL-----`, base64, `-----END LABEL-----`.
//!
//! Reading is RFC 7468's lax form (any line length, text around the blocks) without header lines.
//! What is read may be a private key, so every copy made here is wiped.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// The most bytes of text that are read.
pub const MAX_TEXT_LEN: usize = 1 << 20;
/// The most blocks that are read from one text.
pub const MAX_BLOCKS: usize = 64;

/// One block of a PEM text.
#[derive(Clone, PartialEq, Eq)]
pub struct Block<'a> {
    /// The label, such as `PUBLIC KEY`.
    pub label: &'a str,
    /// The bytes that the block encodes.
    pub contents: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Block<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Block")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

/// The contents of the only block of `text`, which must carry `label`.
///
/// # Errors
/// [`PemError`] when there is no block, more than one, another one, or a broken one.
pub fn decode_one(text: &str, label: &str) -> Result<Zeroizing<Vec<u8>>, PemError> {
    let block = only_block(text)?;
    if block.label != label {
        return Err(PemError::Label {
            expected: label.to_owned(),
            found: block.label.to_owned(),
        });
    }
    Ok(block.contents)
}

/// The only block of `text`, whatever its label.
///
/// # Errors
/// [`PemError`] when there is no block, more than one, or a broken one.
pub fn only_block(text: &str) -> Result<Block<'_>, PemError> {
    let mut blocks = decode_all(text)?;
    match (blocks.pop(), blocks.len()) {
        (None, _) => Err(PemError::NoBlock),
        (Some(block), 0) => Ok(block),
        (Some(_), others) => Err(PemError::SeveralBlocks { found: others + 1 }),
    }
}

/// Every block of `text`, in order; text outside the blocks is passed over.
///
/// # Errors
/// [`PemError`] when a block is broken, or on more than [`MAX_BLOCKS`] blocks or [`MAX_TEXT_LEN`] bytes.
pub fn decode_all(text: &str) -> Result<Vec<Block<'_>>, PemError> {
    if text.len() > MAX_TEXT_LEN {
        return Err(PemError::TooLong { found: text.len() });
    }

    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim_end);
    while let Some(line) = lines.next() {
        let Some(label) = boundary(line, "-----BEGIN ") else {
            if line.starts_with("-----") {
                return Err(PemError::Boundary);
            }
            continue;
        };
        if blocks.len() == MAX_BLOCKS {
            return Err(PemError::TooManyBlocks);
        }
        blocks.push(Block {
            label,
            contents: decode_block(label, &mut lines)?,
        });
    }
    Ok(blocks)
}

/// The PEM text of `contents`, in lines of 64 characters, ending with a line feed.
pub fn encode(label: &str, contents: &[u8]) -> String {
    let base64 = Zeroizing::new(STANDARD.encode(contents));
    let line_ends = base64.len() / LINE_LEN + 1;
    // All the room at once: growing would leave an unwiped copy of a private key behind.
    let mut text = String::with_capacity(base64.len() + line_ends + 2 * label.len() + 40);
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    let mut rest = base64.as_str();
    while let Some((line, after)) = rest.split_at_checked(LINE_LEN.min(rest.len())) {
        if line.is_empty() {
            break;
        }
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

/// Why a text is not the PEM that was asked for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// The text is longer than [`MAX_TEXT_LEN`].
    #[error("the PEM text has {found} bytes, more than {MAX_TEXT_LEN}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// The text has more than [`MAX_BLOCKS`] blocks.
    #[error("the PEM text has more than {MAX_BLOCKS} blocks")]
    TooManyBlocks,
    /// The text has no block.
    #[error("no PEM block found")]
    NoBlock,
    /// The text has several blocks where one was asked for.
    #[error("{found} PEM blocks found where one was expected")]
    SeveralBlocks {
        /// How many.
        found: usize,
    },
    /// The block is of another kind.
    #[error("the PEM block is a {found:?} where a {expected:?} was expected")]
    Label {
        /// The label asked for.
        expected: String,
        /// The label found.
        found: String,
    },
    /// A line that starts like a boundary is none, or is where none may be.
    #[error("a PEM boundary line is malformed or out of place")]
    Boundary,
    /// A block has no end, or one with another label.
    #[error("the PEM block {label:?} is not ended by its own label")]
    Unended {
        /// The block's label.
        label: String,
    },
    /// The block has header lines (RFC 1421), as keys encrypted by old OpenSSL have.
    #[error("the PEM block {label:?} has header lines, which are not supported")]
    Headers {
        /// The block's label.
        label: String,
    },
    /// The block's body is not base64.
    #[error("the PEM block {label:?} is not valid base64")]
    Base64 {
        /// The block's label.
        label: String,
    },
}

const LINE_LEN: usize = 64;
const MAX_LABEL_LEN: usize = 64;

/// The label of a boundary line that starts with `prefix`, or none when it is no such line.
fn boundary<'a>(line: &'a str, prefix: &str) -> Option<&'a str> {
    let label = line.strip_prefix(prefix)?.strip_suffix("-----")?;
    let is_label = label.len() <= MAX_LABEL_LEN
        && label.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
        && !label.contains("--")
        && label.trim() == label;
    is_label.then_some(label)
}

/// Reads up to and with the end line of the block.
fn decode_block<'a>(
    label: &str,
    lines: &mut impl Iterator<Item = &'a str>,
) -> Result<Zeroizing<Vec<u8>>, PemError> {
    let label = || label.to_owned();
    let mut body: Vec<&str> = Vec::new();
    loop {
        let line = lines
            .next()
            .ok_or_else(|| PemError::Unended { label: label() })?;
        if let Some(end) = boundary(line, "-----END ") {
            if end != label() {
                return Err(PemError::Unended { label: label() });
            }
            break;
        }
        if line.starts_with("-----") {
            return Err(PemError::Boundary);
        }
        if line.contains(':') {
            return Err(PemError::Headers { label: label() });
        }
        body.push(line.trim_start());
    }

    let mut base64 = Zeroizing::new(String::with_capacity(
        body.iter().map(|line| line.len()).sum(),
    ));
    body.iter().for_each(|line| base64.push_str(line));
    STANDARD
        .decode(base64.as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| PemError::Base64 { label: label() })
}

#[cfg(test)]
mod tests;
