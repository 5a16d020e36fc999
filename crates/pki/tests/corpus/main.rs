//! Certificates, timestamps and trusted roots that nobody here made, read in place.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod certificates;
mod support;
mod timestamps;
