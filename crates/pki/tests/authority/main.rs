//! A private authority from its root to what it issues, read and verified as anyone's would be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod chains;
mod issued;
mod support;
mod timestamps;
