//! The random source that callers hand in.

/// Where random bytes come from: salts, nonces, serial numbers.
///
/// Keys are not made from it: they come from the cryptographic library's own generator.
pub trait Random: Send + Sync {
    /// Fills all of `buf` with bytes that nobody can predict.
    ///
    /// # Errors
    /// [`RandomError`] when the source fails; `buf` must then not be used.
    fn fill(&self, buf: &mut [u8]) -> Result<(), RandomError>;
}

/// The cryptographic library's generator, seeded by the operating system.
#[derive(Clone, Copy, Default, Debug)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buf: &mut [u8]) -> Result<(), RandomError> {
        aws_lc_rs::rand::fill(buf).map_err(|_| RandomError)
    }
}

/// The random source failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the random source failed")]
pub struct RandomError;
