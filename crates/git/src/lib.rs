//! Commits and tags: what is signed, by whom, and what of it is proven.

pub mod approve; // statements by which people approve a commit
pub mod armor; // the text around signatures, and their kinds
pub mod attest; // SLSA's source provenance and verification summaries
pub mod cache; // verdicts that were reached before
pub mod carry; // which signed commits a squash or a rebase has made new ones of
pub mod cms; // CMS messages, which are Sigstore bundles in another form
pub mod config; // what git's configuration and the environment say of signing
pub mod gate; // a push, judged while it waits
pub mod notes; // bundles that are kept beside commits and tags
pub mod object; // commits and tags, read from their own bytes
pub mod pgp; // the OpenPGP signatures of forges
pub mod policy; // who may commit where
pub mod program; // git's contract with the program that signs for it
pub mod proof; // what a bundle in a note proves about a signature
pub mod repository; // repositories, read by the git program
pub mod rescue; // entries that were logged and not embedded, fetched
pub mod ssh; // signatures by SSH keys, and whose those are
pub mod statement; // in-toto statements about commits and tags
pub mod verdict; // what is proven, check by check, and what follows
pub mod verifier; // from a commit or a tag to its verdict
