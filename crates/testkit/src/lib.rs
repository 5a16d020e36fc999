//! What tests hand to the code under test instead of the world: a clock, randomness, real signatures, a forge of others.
//!
//! | module | what is in it |
//! |---|---|
//! | [`clock`] | a clock that moves only when told to |
//! | [`random`] | randomness that is the same in every run |
//! | [`network`] | servers on loopback, and a client that does not wait |
//! | [`corpus`] | real signatures made by others, when they are at hand |
//! | [`der`] | DER taken apart and put together, spoiled or not |
//! | [`forge`] | a whole Sigstore in memory: valid bundles of every kind, and bundles spoiled on purpose |
//! | [`git`] | git repositories in folders of their own, made by the real git |
//! | [`written`] | a writer that keeps what is written, for events |

pub mod clock;
pub mod corpus;
pub mod der;
pub mod forge;
pub mod git;
pub mod network;
pub mod random;
pub mod rekor;
pub mod written;
