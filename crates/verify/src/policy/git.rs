//! Who may commit where: the `[git]` part of a trust file. It is judged by the crate for git.

mod lint;
mod pattern;
pub(super) mod read;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use lint::lint;
pub use pattern::{GitPattern, GitPatternError};

use super::file::TrustFile;

/// The most rules, teams or platforms in a file.
pub const MAX_RULES: usize = 256;
/// The most members of a team, or signers of a rule.
pub const MAX_TEAM: usize = 256;
/// The most commits that are let through one by one.
pub const MAX_EXEMPT: usize = 1024;

/// The `[git]` part of a trust file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GitPolicy {
    /// The commit that is not judged, nor are its ancestors: 40 or 64 lower-case hexadecimal digits.
    pub since: Option<String>,
    /// Commits that are not judged: the same form.
    pub grandfathered: Vec<String>,
    /// Who may make merges of what others signed.
    pub platforms: Vec<GitPlatform>,
    /// The file that names the keys of ssh signatures, by its path in the repository.
    pub allowed_signers: Option<String>,
    /// Whose word counts on which signed commits a commit was made of: names of signers, teams resolved.
    pub carriers: BTreeSet<String>,
    /// The names of signers by the name of their team.
    pub teams: BTreeMap<String, Vec<String>>,
    /// What is asked of commits, in the order of the file: every rule that applies has to be met.
    pub rules: Vec<GitRule>,
}

/// A forge that makes merges in its own name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GitPlatform {
    /// Its name in the file.
    pub name: String,
    /// Its OpenPGP key in ASCII armor, as it was written: not read yet.
    pub key: String,
}

/// What is asked of the commits of a ref.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GitRule {
    /// Its name in the file.
    pub name: String,
    /// The refs that it is for.
    pub refs: Vec<GitPattern>,
    /// The changed paths that it is for; `None`: whatever changed.
    pub paths: Option<Vec<GitPattern>>,
    /// Whose word counts: names of signers, teams resolved.
    pub signers: BTreeSet<String>,
    /// How many different people of these have to stand for a commit, at least 1.
    pub threshold: usize,
    /// Whether a committer's address that nothing ties to the signer is refused.
    pub is_strict: bool,
    /// Whether the ref may be moved to what does not follow from where it is.
    pub may_rewrite: bool,
    /// Whether the ref may be deleted.
    pub may_delete: bool,
    /// Whether the ref, a tag, may be without an object of its own that is signed.
    pub may_be_lightweight: bool,
}

/// Which entries of a trust file are one person's: those that share an address, in whatever case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct People<'a> {
    by_name: BTreeMap<&'a str, usize>,
}

impl GitRule {
    /// Whether it is for this ref.
    pub fn is_for(&self, reference: &str) -> bool {
        self.refs
            .iter()
            .any(|pattern| pattern.matches(reference.as_bytes()))
    }

    /// Whether it is for a change of these paths.
    pub fn is_about<'p>(&self, changed: impl IntoIterator<Item = &'p [u8]>) -> bool {
        let Some(patterns) = &self.paths else {
            return true;
        };
        let is_named = |path: &[u8]| {
            let mut patterns = patterns.iter();
            patterns.any(|pattern| pattern.matches(path) || pattern.leads_through(path))
        };
        changed.into_iter().any(is_named)
    }
}

impl TrustFile {
    /// Which of the signers are one person.
    pub fn people(&self) -> People<'_> {
        let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
        let mut by_address: BTreeMap<String, usize> = BTreeMap::new();
        for (number, signer) in self.signers.iter().enumerate() {
            let shared: BTreeSet<usize> = signer
                .addresses()
                .filter_map(|address| by_address.get(&address.to_ascii_lowercase()).copied())
                .collect();
            let person = shared.first().copied().unwrap_or(number);
            // Who were two people so far share an address with a third entry: they are one.
            let is_shared = |known: &usize| shared.contains(known);
            for known in by_name.values_mut().chain(by_address.values_mut()) {
                if is_shared(known) {
                    *known = person;
                }
            }
            by_name.insert(&signer.name, person);
            let own = signer.addresses().map(str::to_ascii_lowercase);
            by_address.extend(own.map(|address| (address, person)));
        }
        People { by_name }
    }
}

impl People<'_> {
    /// The number of a signer's person; `None` for who is not listed.
    pub fn of(&self, signer: &str) -> Option<usize> {
        self.by_name.get(signer).copied()
    }

    /// How many different people these are.
    pub fn count<'n>(&self, signers: impl IntoIterator<Item = &'n str>) -> usize {
        let people: BTreeSet<usize> = signers
            .into_iter()
            .filter_map(|name| self.of(name))
            .collect();
        people.len()
    }
}
