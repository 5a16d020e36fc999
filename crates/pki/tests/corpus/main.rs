//! Certificates, timestamps and trusted roots that nobody here made, read in place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod certificates;
mod commits;
mod support;
mod timestamps;
