//! Transparency logs: Merkle trees, tiles, notes, checkpoints and the sequencer over storage traits.
//!
//! Pure: no clock, file or socket but through the traits that are handed in.
//!
//! | for | see |
//! |---|---|
//! | checking what a log says | [`merkle`], [`checkpoint`], [`note`] |
//! | what witnesses say of it | [`cosignature`], [`policy`]; how they decide: [`witness`] |
//! | the stored form of a log | [`tile`], [`static_ct`], [`layout`] |
//! | reading a stored log | [`reader`], [`proof`], [`fsck`](mod@fsck) |
//! | writing a log | [`sequencer`], over [`storage`]; [`memory`] is storage that forgets |

pub mod checkpoint;
pub mod cosignature;
pub mod fsck;
pub mod layout;
pub mod memory;
pub mod merkle;
pub mod note;
pub mod policy;
pub mod proof;
pub mod reader;
pub mod record;
pub mod sequencer;
pub mod static_ct;
pub mod storage;
pub mod tile;
pub mod tree;
pub mod witness;
