//! A copy of the file that differs in one byte, made for nobody but the
//! verifier.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_verify::bundle::{Bundle, Content};

use crate::error::CliError;
use crate::files;

/// The digests of the file with its first byte changed; an empty file gets a
/// byte instead.
pub(super) fn digests(file: &Path, algorithms: &[HashAlgorithm]) -> Result<Vec<Digest>, CliError> {
    File::open(file)
        .map(Forged::new)
        .and_then(|forged| files::digests_of(forged, algorithms, |_| {}))
        .map_err(|error| CliError::file("read", file, &error))
}

/// The bundle, made to state the forgery's digest: what a forger would do who
/// knows that this digest is not signed.
pub(super) fn fit(mut bundle: Bundle, forged: &[Digest]) -> Bundle {
    if let Content::MessageSignature {
        digest: Some(stated),
        ..
    } = &mut bundle.content
    {
        let same_algorithm = |digest: &&Digest| digest.algorithm() == stated.algorithm();
        if let Some(digest) = forged.iter().find(same_algorithm) {
            *stated = *digest;
        }
    }
    bundle
}

/// A reader whose first byte has a bit flipped.
struct Forged<R> {
    original: R,
    done: bool,
}

impl<R> Forged<R> {
    fn new(original: R) -> Self {
        Self {
            original,
            done: false,
        }
    }
}

impl<R: Read> Read for Forged<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.original.read(buffer)?;
        let Some(first) = buffer.first_mut().filter(|_| !self.done) else {
            return Ok(count);
        };
        self.done = true;
        if count == 0 {
            *first = b'!';
            return Ok(1);
        }
        *first ^= 1;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forge(original: &[u8]) -> Vec<u8> {
        let mut forged = Vec::new();
        Forged::new(original).read_to_end(&mut forged).unwrap();
        forged
    }

    #[test]
    fn one_byte_differs() {
        assert_eq!(forge(b"abc"), b"`bc");
        assert_eq!(forge(b""), b"!");
    }
}
