//! git's contract with the program that signs and verifies for it (`gpg.x509.program`): the arguments it is
//! called with, and the status lines that it reads. Everything here is a function of its arguments.
//!
//! git calls for a signature with `--status-fd=2 -bsau KEY`, and to verify one with `--status-fd=1 --verify FILE -`;
//! the content is standard input. Of the status lines (a subset of GnuPG's `DETAILS`) git reads who signed and
//! whether that counts, and it reads them whatever the exit status: no line may say more than is proven.

mod call;
mod status;
#[cfg(test)]
mod tests;

pub use call::{Action, Call, CallError, Content};
pub use status::{Signer, Standing, Trust, sign_status, verify_status};
