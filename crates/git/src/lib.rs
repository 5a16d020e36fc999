//! Commits and tags: what is signed, by whom, and what of it is proven.

pub mod object; // commits and tags, read from their own bytes
