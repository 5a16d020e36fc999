//! Witnesses: those that this instance asks before it publishes a checkpoint, and the one that it is for others.

pub(crate) mod client;
pub(crate) mod health;
mod memory;
pub(crate) mod server;
#[cfg(test)]
mod support;
