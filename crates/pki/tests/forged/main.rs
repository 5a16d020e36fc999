//! Certificates, signed messages and timestamps signed with the right keys over the wrong things.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod certificates;
mod make;
mod messages;
mod timestamps;
